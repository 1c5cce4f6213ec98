"""The true state of scenes, from MuJoCo's positions and velocities."""

from __future__ import annotations

import torch
from torch import Tensor

from robot.arm_description import ArmDescription
from robot.forward_kinematics import forward_kinematics
from robot.schema import MAX_OBJECTS
from robot.simulation.task import WorldState


def world_state(
    arm: ArmDescription, positions: Tensor, velocities: Tensor, mask: Tensor
) -> WorldState:
    """The state of B scenes.

    Args:
        arm: on them.
        positions: of joints, fingers and object slots, ``[B, J + 2 + 7 S]``.
        velocities: theirs, ``[B, J + 2 + 6 S]``.
        mask: which slots hold an object, ``[B, S]``.
    """
    joints = len(arm.joints)
    q, v = positions.float(), velocities.float()
    objects = q[:, joints + 2 :].reshape(len(q), MAX_OBJECTS, 7)
    there = mask[..., None]
    point, rotation = forward_kinematics(arm, q[:, :joints])
    return WorldState(
        joint_position=q[:, :joints],
        joint_velocity=v[:, :joints],
        gripper_opening=q[:, joints : joints + 2].sum(-1, keepdim=True),
        grasp_point=point,
        grasp_rotation=rotation,
        object_position=objects[..., :3] * there,
        object_rotation=first_two_columns(objects[..., 3:]) * there,
        object_velocity=v[:, joints + 2 :].reshape(len(v), MAX_OBJECTS, 6) * there,
    )


def first_two_columns(quaternion: Tensor) -> Tensor:
    """The continuous 6-D rotation of Zhou et al. 2019 from quaternions ``[..., 4]`` (wxyz).

    Returns:
        The rotation matrices' first two columns, one after the other, ``[..., 6]``.
    """
    w, x, y, z = quaternion.unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y + w * z),
            2 * (x * z - w * y),
            2 * (x * y - w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z + w * x),
        ],
        dim=-1,
    )
