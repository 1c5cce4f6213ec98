"""From an operator's pose messages to commands for the arm."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from robot.arm_description import ArmDescription
from robot.inverse_kinematics import InverseKinematics
from robot.teleop.message import PoseMessage


class Retargeting:
    """Turns pose messages into joint targets; each message starts from the command before.

    Args:
        arm: the arm that is driven.
    """

    def __init__(self, arm: ArmDescription) -> None:
        self._inverse_kinematics = InverseKinematics(arm)

    def command(self, message: PoseMessage, last_command: Tensor) -> Tensor:
        """Joint targets (rad) and gripper opening (m), ``[J + 1]``, before safety limits."""
        start = last_command[:-1].numpy().astype(np.float64)
        joints = self._inverse_kinematics.solve(message.pose, start)
        return torch.tensor([*joints, message.opening], dtype=torch.float32)
