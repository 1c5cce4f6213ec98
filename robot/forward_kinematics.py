"""Where the grasp point is, for any batch of joint positions."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from robot.arm_description import ArmDescription


def forward_kinematics(arm: ArmDescription, joints: Tensor) -> tuple[Tensor, Tensor]:
    """Pose of the grasp point in the arm's base frame.

    Each joint moves on by its offset and turns about its axis (Rodrigues' formula):
    ``R <- R (I + sin(q) K + (1 - cos(q)) K^2)`` with K the axis' cross-product matrix.

    Args:
        arm: offsets and axes.
        joints: ``[..., J]`` rad.

    Returns:
        Position ``[..., 3]`` (m) and rotation matrix ``[..., 3, 3]``.
    """
    offsets, cross, reach = _constants(arm, joints.dtype, joints.device)
    sin, cos = joints.sin()[..., None, None], joints.cos()[..., None, None]  # [..., J, 1, 1]
    turns = torch.eye(3).to(joints) + sin * cross + (1 - cos) * (cross @ cross)  # [..., J, 3, 3]
    position, rotation = offsets[0].expand(*joints.shape[:-1], 3), turns[..., 0, :, :]
    for offset, turn in zip(offsets[1:], turns.unbind(-3)[1:], strict=True):
        position = position + rotation @ offset
        rotation = rotation @ turn
    return position + rotation @ reach, rotation


@lru_cache
def _constants(
    arm: ArmDescription, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Offsets ``[J, 3]``, cross-product matrices of the axes ``[J, 3, 3]``, grasp point ``[3]``."""
    cross = [[[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]] for x, y, z in (j.axis for j in arm.joints)]
    return (
        torch.tensor([joint.offset for joint in arm.joints], dtype=dtype, device=device),
        torch.tensor(cross, dtype=dtype, device=device),
        torch.tensor([arm.grasp_point, 0.0, 0.0], dtype=dtype, device=device),
    )
