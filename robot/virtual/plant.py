"""What virtual servos move: an arm in MuJoCo, and the things on its table."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robot.arm_description import ArmDescription
from robot.dynamixel.wiring import Wiring
from robot.virtual.servo import Drive, Shaft, VirtualServo


@dataclass(frozen=True)
class _Joint:
    """A joint, its actuator, and the servos that turn it with the way each faces."""

    actuator: int
    dof: int
    position: int
    servos: tuple[tuple[VirtualServo, int], ...]


class ArmPlant:
    """An arm whose joints are turned by servos, on a scene.

    MuJoCo's gravity compensation stands for what a servo's integral term does; without torque it
    is taken away, and the arm sags.

    Args:
        arm: its description.
        wiring: which servo turns which joint.
        servos: by id.
        model: the scene's; it is copied.
    """

    def __init__(
        self,
        arm: ArmDescription,
        wiring: Wiring,
        servos: Mapping[int, VirtualServo],
        model: mujoco.MjModel,
    ) -> None:
        self.arm = arm
        self.linkage = wiring.linkage
        self.model = copy.deepcopy(model)
        self.data = mujoco.MjData(self.model)
        self._joints = [
            self._joint(
                action,
                [(servos[s.id], -1 if s.reversed else 1) for s in wiring.servos if s.joint == name],
            )
            for action, name in enumerate(arm.action_names)
        ]
        self._gains = self.model.actuator_gainprm[:, 0].copy()
        self._damping = -self.model.actuator_biasprm[:, 2].copy()
        self._gripper = len(arm.joints)

    def _joint(self, action: int, servos: Sequence[tuple[VirtualServo, int]]) -> _Joint:
        joint = int(self.model.actuator_trnid[action, 0])
        dof, position = self.model.jnt_dofadr[joint], self.model.jnt_qposadr[joint]
        return _Joint(action, int(dof), int(position), tuple(servos))

    @property
    def timestep(self) -> float:
        """Of the physics, s."""
        return float(self.model.opt.timestep)

    def place(self, joints: Sequence[float], opening: float) -> None:
        """Puts the arm at rest somewhere: joints (rad) and the opening between the pads (m)."""
        self.data.qpos[: len(joints)] = joints
        self.data.qpos[len(joints) : len(joints) + 2] = opening / 2
        self.data.qvel[:] = 0
        mujoco.mj_forward(self.model, self.data)
        self._feel()

    def step(self) -> None:
        """One timestep of physics, with the torque that servos give."""
        for joint in self._joints:
            self._pull(joint)
        mujoco.mj_step(self.model, self.data)
        self._feel()

    def _pull(self, joint: _Joint) -> None:
        """Sets an actuator to what its servos do together."""
        drives = [(s.drive, way) for s, way in joint.servos]
        pulling = [(drive, way) for drive, way in drives if drive is not None]
        actuator, share = joint.actuator, len(pulling) / len(joint.servos)
        stiffness = sum(drive.stiffness for drive, _ in pulling) / len(joint.servos)
        gain = self._gains[actuator] * stiffness
        self.model.actuator_gainprm[actuator, 0] = gain
        self.model.actuator_biasprm[actuator, 1:3] = -gain, -self._damping[actuator] * share
        held = self.data.qfrc_gravcomp[joint.dof]
        self.data.qfrc_applied[joint.dof] = 0.0 if pulling else -held
        if not pulling:
            return
        targets = [self._target(joint, drive, way) for drive, way in pulling]
        self.data.ctrl[actuator] = sum(targets) / len(targets)
        most = sum(self._force(joint, drive) for drive, _ in pulling)
        self.model.actuator_forcelimited[actuator] = 1
        self.model.actuator_forcerange[actuator] = -most, most

    def _target(self, joint: _Joint, drive: Drive, way: int) -> float:
        """Where a servo pulls a joint to, rad; of the gripper a finger, m."""
        angle = way * drive.target
        return self.linkage.opening(angle) / 2 if joint.actuator == self._gripper else angle

    def _force(self, joint: _Joint, drive: Drive) -> float:
        """The most that a servo pulls with, N m; of the gripper N."""
        return drive.torque / (self.linkage.horn if joint.actuator == self._gripper else 1.0)

    def _feel(self) -> None:
        """Tells servos where their shafts are, and how they are loaded."""
        for joint in self._joints:
            position = float(self.data.qpos[joint.position])
            velocity = float(self.data.qvel[joint.dof])
            force = float(self.data.actuator_force[joint.actuator])
            force += float(self.data.qfrc_gravcomp[joint.dof])
            if joint.actuator == self._gripper:
                angle = self.linkage.angle(2 * position)
                lever = self.linkage.horn * max(np.cos(angle), 0.2)  # singular at its ends
                position, velocity, force = angle, velocity / lever, force * lever
            pulling = sum(servo.drive is not None for servo, _ in joint.servos)
            for servo, way in joint.servos:
                torque = force / pulling if servo.drive is not None else 0.0
                servo.shaft = Shaft(way * position, way * velocity, way * torque)
