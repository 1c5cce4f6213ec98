"""The four goals that a task on the table may have for the object in slot 0.

Symbols: B episodes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robot.schema import GOALS
from robot.simulation.objects import BOWL
from robot.simulation.task import WorldState

# How high a lifted object's middle must be, how near to the fingers a held one is (m), and how
# slow a calm one (m/s).
LIFTED, HELD, CALM = 0.10, 0.08, 0.5
# How near to its mark or point an object must come, m.
PUSHED, HANDED = 0.04, 0.06
# How slow an object is that rests, m/s, and how far up the table's surface it still is on it, m.
AT_REST, ON_TABLE = 0.05, 0.02
LET_GO = 0.06  # an opening of the gripper that holds nothing, m


def held_up(world: WorldState, slot: int | Tensor = 0, table: float | Tensor = 0.0) -> Tensor:
    """Whether an object is up, in the hand and not flying, bool ``[B]``.

    Args:
        world: the true state.
        slot: of the object; one, or each row's ``[B]``.
        table: height of its surface, m; one, or each row's ``[B]``.
    """
    row = torch.arange(len(world.grasp_point))
    height = world.object_position[row, slot, 2] - table
    return (height > LIFTED) & in_hand(world, slot)


def in_hand(world: WorldState, slot: int | Tensor = 0) -> Tensor:
    """Whether an object is between the fingers and moves no faster than a calm hand."""
    row = torch.arange(len(world.grasp_point))
    held = (world.object_position[row, slot] - world.grasp_point).norm(dim=-1) < HELD
    return held & (world.object_velocity[row, slot, :3].norm(dim=-1) < CALM)


def handed_over(world: WorldState, point: Tensor) -> Tensor:
    """Whether the object is held at a point ``[B, 3]`` (m)."""
    near = (world.object_position[:, 0] - point).norm(dim=-1) < HANDED
    return near & in_hand(world)


def pushed(world: WorldState, mark: Tensor, rest_height: Tensor) -> Tensor:
    """Whether the object rests on a mark on the table.

    Args:
        world: the true state.
        mark: ``[B, 3]`` m.
        rest_height: of the object's middle where it lies on the table, ``[B]`` m.
    """
    position = world.object_position[:, 0]
    near = (position[:, :2] - mark[:, :2]).norm(dim=-1) < PUSHED
    low = position[:, 2] < rest_height + ON_TABLE
    return near & low & at_rest(world)


def placed(world: WorldState, bowl: int) -> Tensor:
    """Whether the object lies over the bottom of the bowl in a slot, low, still, and let go of."""
    position, place = world.object_position[:, 0], world.object_position[:, bowl]
    inside = (position[:, :2] - place[:, :2]).norm(dim=-1) < BOWL.half_extents[0] / 2
    low = position[:, 2] < place[:, 2] + 2 * BOWL.half_extents[2]
    return inside & low & at_rest(world) & (world.gripper_opening[:, 0] > LET_GO)


def at_rest(world: WorldState) -> Tensor:
    """Whether the object does not move."""
    return world.object_velocity[:, 0, :3].norm(dim=-1) < AT_REST


def one_hot(goal: Tensor) -> Tensor:
    """Goals by their place in ``GOALS``, long ``[B]``, as they are observed, ``[B, 4]``."""
    return torch.nn.functional.one_hot(goal, len(GOALS)).float()
