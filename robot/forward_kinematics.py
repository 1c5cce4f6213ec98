"""Where the grasp point is, for any batch of joint positions."""

from __future__ import annotations

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
    eye = torch.eye(3).to(joints)
    rotation = eye.expand(*joints.shape[:-1], 3, 3)
    position = joints.new_zeros(*joints.shape[:-1], 3)
    for joint, angle in zip(arm.joints, joints.unbind(-1), strict=True):
        x, y, z = joint.axis
        cross = joints.new_tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        sin, cos = angle.sin()[..., None, None], angle.cos()[..., None, None]
        position = position + rotation @ joints.new_tensor(joint.offset)
        rotation = rotation @ (eye + sin * cross + (1 - cos) * cross @ cross)
    reach = joints.new_tensor([arm.grasp_point, 0.0, 0.0])
    return position + rotation @ reach, rotation
