"""What would be seen if the objects lay otherwise: observations as a hypothesis has them."""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor

from robot.observation import nearer_turn, turn


def displaced(observation: TensorDictBase, by: Tensor) -> TensorDictBase:
    """An observation in which all objects are seen elsewhere.

    Args:
        observation: fields ``[B, ..., S, 3]`` and the like.
        by: displacement in the arm's base frame, ``[B, 3]`` m.
    """
    seen: Tensor = observation["object_position"]
    place: Tensor = observation["object_place"]
    mask: Tensor = observation["object_mask"][..., None]
    step = by.reshape(len(by), *[1] * (seen.ndim - 2), 3).expand_as(seen) * mask
    # The same place in two frames says how one is turned against the other.
    angle = torch.atan2(place[..., 1], place[..., 0]) - torch.atan2(seen[..., 1], seen[..., 0])
    turned = turn(step.reshape(-1, 1, 3), angle.reshape(-1)).reshape(seen.shape)
    moved = observation.copy()
    moved["object_position"] = seen + step
    moved["object_place"] = place + turned
    moved["object_offset"] = observation["object_offset"] + turned
    return moved


def turned(observation: TensorDictBase, by: Tensor) -> TensorDictBase:
    """An observation in which all objects are seen turned about the arm's base.

    Args:
        observation: fields ``[B, ..., S, 3]`` and the like.
        by: angle about the vertical, ``[B]`` rad.
    """
    shape = observation["object_mask"].shape  # [B, ..., S]
    angle = by.reshape(-1, *[1] * (len(shape) - 1)).expand(shape).reshape(-1)

    def about(vectors: Tensor) -> Tensor:
        """Vectors ``[B, ..., S, 3 n]``, turned."""
        return turn(vectors.reshape(len(angle), -1, 3), angle).reshape(vectors.shape)

    moved = observation.copy()
    place: Tensor = observation["object_place"]
    moved["object_position"] = about(observation["object_position"])
    moved["object_rotation"] = about(observation["object_rotation"])
    moved["object_place"] = about(place)
    moved["object_offset"] = observation["object_offset"] + moved["object_place"] - place
    columns = about(observation["object_turn"]).unflatten(-1, (2, 3))
    flat = columns.reshape(-1, 1, 2, 3)
    moved["object_turn"] = nearer_turn(flat).reshape(*shape, 6)
    return moved


def alone(observation: TensorDictBase, slot: Tensor) -> TensorDictBase:
    """An observation in which one object is the only one, in the first slot.

    Args:
        observation: fields ``[B, ..., S, n]`` of the objects, and others.
        slot: which object, long ``[B]``.
    """
    shown = observation.copy()
    for name, value in observation.items():
        if not name.startswith("object_"):
            continue
        slots = value if name != "object_mask" else value[..., None]
        index = slot.reshape(len(slot), *[1] * (slots.ndim - 1))
        one = slots.gather(-2, index.expand(*slots.shape[:-2], 1, slots.shape[-1]))
        rest = torch.zeros_like(slots[..., 1:, :])
        shown[name] = torch.cat([one, rest], dim=-2).reshape(value.shape)
    return shown
