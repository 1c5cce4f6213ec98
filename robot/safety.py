"""What an arm may be told to do. Every command, recorded or rolled out, passes through here."""

from __future__ import annotations

import torch
from torch import Tensor

from robot.arm_description import ArmDescription


def clip_command(command: Tensor, last: Tensor, arm: ArmDescription, period: float) -> Tensor:
    """Clips commands to the arm's joint limits and, from the last command, to its speed limits.

    Args:
        command: joint targets (rad) and gripper opening (m), ``[..., J + 1]``.
        last: the command sent before, same shape.
        arm: whose limits apply.
        period: time in which the command is to be reached, s.

    Returns:
        The command to send, ``[..., J + 1]``.

    Raises:
        ValueError: if a command is not finite; nothing is sent then.
    """
    if not torch.isfinite(command).all():
        raise ValueError("a command holds NaN or infinity: refused, the arm keeps its last target")
    low, high, speed = (
        torch.tensor(bound, dtype=command.dtype, device=command.device)
        for bound in (arm.action_low, arm.action_high, arm.velocity_limit)
    )
    step = speed * period
    return command.clamp(last - step, last + step).clamp(low, high)
