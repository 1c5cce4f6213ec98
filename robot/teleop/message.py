"""What an operator sends: where the gripper should be. Phone and script send the same."""

from __future__ import annotations

from dataclasses import dataclass

from robot.inverse_kinematics import Pose


@dataclass(frozen=True)
class PoseMessage:
    """A wanted grasp pose and gripper opening (m), stamped with a monotonic time (s)."""

    pose: Pose
    opening: float
    time: float
