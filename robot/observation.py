"""What a policy sees, from what the arm measures and a camera system reports.

The same for the simulated and the real arm.

Besides what is measured, an observation says it as the gripper sees it, so that a skill cloned at
one place of the table is nearly the same numbers at another. Two frames serve for that, both the
base frame turned about the vertical:

    heading frame    until the grasp point lies on its x axis: as if the waist were at zero
    gripper frame    until its y axis lies across the fingers: as if the wrist were at zero, too

The two fingers are alike: turned by half a turn, the gripper is the same one. So what is seen in
the gripper frame is the same, too.
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
    grasp_pose: tuple[Tensor, Tensor],
    last_command: Tensor,
    objects: SeenObjects,
    goal: Tensor,
) -> TensorDict:
    """The observation, with the fields of ``robot.schema.observation_shapes``.

    Args:
        joint_position: ``[B, J]`` rad.
        joint_velocity: ``[B, J]`` rad/s.
        gripper_opening: ``[B, 1]`` m.
        grasp_pose: of the gripper by the arm's kinematics: position ``[B, 3]`` (m) and rotation
            matrix ``[B, 3, 3]``.
        last_command: ``[B, J + 1]`` rad and m.
        objects: what the camera system reports.
        goal: ``[B, 7]`` one-hot over ``GOALS``, then where it is in the base frame (m); at the
            origin for a goal that has no place.

    Returns:
        TensorDict ``[B]``.
    """
    point, rotation = grasp_pose
    heading = torch.atan2(point[:, 1], point[:, 0])  # [B]
    across = rotation[:, :, 1]
    yaw = torch.atan2(-across[:, 0], across[:, 1])  # of the gripper, [B]
    place = goal[:, -3:]
    goal_offset = turn((place - point)[:, None], -heading)[:, 0]
    has_place = place.abs().amax(-1, keepdim=True) > 0
    # How far waist and wrist still have to go; for the joints between them, where to.
    pending = last_command.clone()
    pending[:, [0, -2]] -= joint_position[:, [0, -1]]
    columns = objects.rotation.unflatten(-1, (2, 3))  # [B, S, 2, 3]
    turned = turn(columns.flatten(1, 2), -yaw).reshape(columns.shape)
    return TensorDict(
        {
            "joint_position": joint_position,
            "joint_velocity": joint_velocity,
            "gripper_opening": gripper_opening,
            "posture": joint_position[:, 1:-1],
            "last_command": last_command,
            "pending_command": pending,
            "object_position": objects.position,
            "object_place": turn(objects.position, -heading),
            "object_offset": turn(objects.position - point[:, None], -heading)
            * objects.mask[..., None],
            "object_rotation": objects.rotation,
            "object_turn": nearer_turn(turned).flatten(-2),
            "object_size": objects.size,
            "object_mask": objects.mask,
            "goal": torch.cat([goal[:, :-3], goal_offset * has_place], dim=-1),
        },
        batch_size=torch.Size([len(joint_position)]),
    )


def turn(vectors: Tensor, angle: Tensor) -> Tensor:
    """Vectors ``[B, N, 3]`` turned about the vertical by ``angle [B]`` (rad)."""
    cos, sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    x, y, z = vectors.unbind(-1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y, z], dim=-1)


def nearer_turn(columns: Tensor) -> Tensor:
    """Rotations ``[B, S, 2, 3]`` turned by half a turn about the vertical where that is nearer.

    Of the two that are alike to a gripper, the one whose first axis points ahead: the turn that is
    left is then at most a quarter, and its sine says which way.
    """
    flip = torch.where(columns[..., :1, :1] < 0, -1.0, 1.0).to(columns)  # [B, S, 1, 1]
    return torch.cat([columns[..., :2] * flip, columns[..., 2:]], dim=-1)
