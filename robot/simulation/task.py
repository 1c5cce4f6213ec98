"""What the simulated arm needs to know of a task: a scene, where things start, what success is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from robot.phi import PhiSet, PhiSpace
from robot.schema import TaskSpec
from robot.simulation.scene import Scene


@dataclass(frozen=True)
class WorldState:
    """The true state of a batch of scenes; for success tests, never for a policy.

    Attributes:
        joint_position: ``[B, J]`` rad.
        joint_velocity: ``[B, J]`` rad/s.
        gripper_opening: ``[B, 1]`` m.
        grasp_point: ``[B, 3]`` m, between the finger pads.
        grasp_rotation: ``[B, 3, 3]`` of the gripper: x along the approach, y across the fingers.
        object_position: ``[B, S, 3]`` m; zero in empty slots, as below.
        object_rotation: ``[B, S, 6]`` first two columns of the rotation matrix.
        object_velocity: ``[B, S, 6]`` linear m/s, then angular rad/s.
    """

    joint_position: Tensor
    joint_velocity: Tensor
    gripper_opening: Tensor
    grasp_point: Tensor
    grasp_rotation: Tensor
    object_position: Tensor
    object_rotation: Tensor
    object_velocity: Tensor


class SimulatedTask(Protocol):
    """A task that can be simulated. Phi is ``[B, P]`` in the order of ``phi_space``."""

    @property
    def spec(self) -> TaskSpec:
        """Names, ranges and rate."""
        ...

    @property
    def phi_space(self) -> PhiSpace:
        """The task's parameters."""
        ...

    @property
    def phi_sets(self) -> dict[str, PhiSet]:
        """Nested sets of task parameters, smallest first."""
        ...

    @property
    def max_steps(self) -> int:
        """Environment steps after which an episode is truncated."""
        ...

    @property
    def hold_steps(self) -> int:
        """Environment steps in a row for which :meth:`success` must hold."""
        ...

    def scene(self, phi: Tensor) -> Scene:
        """What stands on the table for one ``phi [P]``."""
        ...

    def place(self, phi: Tensor) -> Tensor:
        """Where the scene's N objects start: ``[B, N, 7]`` position (m) and quaternion (wxyz)."""
        ...

    def goal(self, phi: Tensor) -> Tensor:
        """The goal as observed, ``[B, 7]``: one-hot over ``GOALS``, then a position (m)."""
        ...

    def camera_error(self, phi: Tensor) -> Tensor:
        """How far from the truth the camera system reports objects, ``[B, 3]`` m."""
        ...

    def homing_error(self, phi: Tensor) -> Tensor:
        """By how much encoders report more than is true, ``[B, J]`` rad; commands err as much."""
        ...

    def actuator_lag(self, phi: Tensor) -> Tensor:
        """Share of a command's way that servos are still behind after its period, ``[B]``."""
        ...

    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the goal is reached at this instant, bool ``[B]``."""
        ...
