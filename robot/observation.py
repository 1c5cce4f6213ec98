"""What a policy sees, from what the arm measures and a camera system reports.

The same for the simulated and the real arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tensordict import TensorDict
from torch import Tensor


@dataclass(frozen=True)
class SeenObjects:
    """What a camera system reports of the objects on the table; zero in empty slots.

    Attributes:
        position: ``[B, S, 3]`` m, in the arm's base frame.
        rotation: ``[B, S, 6]`` first two columns of the rotation matrix.
        size: ``[B, S, 3]`` m, half extents.
        mask: ``[B, S]`` 1 where there is an object.
    """

    position: Tensor
    rotation: Tensor
    size: Tensor
    mask: Tensor


def observe(
    joint_position: Tensor,
    joint_velocity: Tensor,
    gripper_opening: Tensor,
    grasp_point: Tensor,
    last_command: Tensor,
    objects: SeenObjects,
    goal: Tensor,
) -> TensorDict:
    """The observation, with the fields of ``robot.schema.observation_shapes``.

    Objects are given both in the base frame and as offsets from the gripper, which the arm knows
    from its joints: cloned at one position, a policy that sees the offset reaches further.

    Args:
        joint_position: ``[B, J]`` rad.
        joint_velocity: ``[B, J]`` rad/s.
        gripper_opening: ``[B, 1]`` m.
        grasp_point: ``[B, 3]`` m, by the arm's kinematics.
        last_command: ``[B, J + 1]`` rad and m.
        objects: what the camera system reports.
        goal: ``[B, 7]``.

    Returns:
        TensorDict ``[B]``.
    """
    offset = (objects.position - grasp_point[:, None]) * objects.mask[..., None]
    return TensorDict(
        {
            "joint_position": joint_position,
            "joint_velocity": joint_velocity,
            "gripper_opening": gripper_opening,
            "last_command": last_command,
            "object_position": objects.position,
            "object_offset": offset,
            "object_rotation": objects.rotation,
            "object_size": objects.size,
            "object_mask": objects.mask,
            "goal": goal,
        },
        batch_size=torch.Size([len(joint_position)]),
    )
