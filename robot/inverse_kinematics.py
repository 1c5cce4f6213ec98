"""Inverse kinematics of an arm's grasp point, by mink's differential IK."""

from __future__ import annotations

from dataclasses import dataclass

import mink
import numpy as np
from numpy.typing import NDArray

from robot.arm_description import ArmDescription
from robot.simulation.arm_model import GRASP_SITE
from robot.simulation.scene import Scene, compile_scene

Array = NDArray[np.float64]
# How far a joint moves in one iteration of the solver at the most, rad.
LARGEST_STEP = 0.4


@dataclass(frozen=True)
class Pose:
    """A grasp pose in the arm's base frame: position ``[3]`` m, quaternion ``[4]`` wxyz."""

    position: Array
    quaternion: Array


def top_down(position: Array, yaw: float) -> Pose:
    """The gripper pointing down, its fingers closing along ``(-sin yaw, cos yaw, 0)``."""
    down = mink.SO3.from_rpy_radians(0.0, np.pi / 2, 0.0)
    turned = mink.SO3.from_z_radians(yaw) @ down
    return Pose(np.asarray(position, dtype=np.float64), np.asarray(turned.wxyz))


def pose_of(position: Array, rotation: Array) -> Pose:
    """A pose from a position ``[3]`` m and a rotation matrix ``[3, 3]``."""
    return Pose(position, np.asarray(mink.SO3.from_matrix(rotation).wxyz))


class InverseKinematics:
    """Solves for one arm's joints; not shared between threads.

    Args:
        arm: the description.
        tolerance: position error at which a solution is good, m.
        max_iterations: of the differential solver, a call.
    """

    def __init__(
        self, arm: ArmDescription, tolerance: float = 5e-4, max_iterations: int = 20
    ) -> None:
        self.num_joints = len(arm.joints)
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self._configuration = mink.Configuration(compile_scene(Scene((), arm.name)))
        self._frame = mink.FrameTask(
            GRASP_SITE, "site", position_cost=1.0, orientation_cost=0.3, lm_damping=1e-3
        )
        # Holds what the frame leaves free near the present posture: no joint wanders.
        self._posture = mink.PostureTask(self._configuration.model, cost=1e-3)
        # Small steps keep the solver on the way a moving arm takes, out of joint limits' corners.
        self._limits = [
            mink.ConfigurationLimit(self._configuration.model),
            mink.VelocityLimit(
                self._configuration.model, {joint.name: LARGEST_STEP for joint in arm.joints}
            ),
        ]

    def _update(self, joints: Array) -> Array:
        q = self._configuration.model.qpos0.copy()
        q[: self.num_joints] = joints
        self._configuration.update(q)
        return q

    def solve(self, pose: Pose, start: Array) -> Array:
        """Joint positions ``[J]`` within limits that reach a pose, nearest to ``start [J]``.

        An unreachable pose gives the closest that the limits allow.
        """
        target = mink.SE3.from_rotation_and_translation(mink.SO3(pose.quaternion), pose.position)
        self._frame.set_target(target)
        self._posture.set_target(self._update(start))
        for _ in range(self.max_iterations):
            velocity = mink.solve_ik(
                self._configuration,
                [self._frame, self._posture],
                1.0,
                solver="daqp",
                limits=self._limits,
            )
            self._configuration.integrate_inplace(velocity, 1.0)
            error = self._frame.compute_error(self._configuration)
            if np.linalg.norm(error[:3]) < self.tolerance and np.linalg.norm(error[3:]) < 5e-3:
                break
        return self._configuration.q[: self.num_joints].copy()
