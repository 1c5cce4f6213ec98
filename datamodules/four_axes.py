"""Any object, anywhere, on any table, for any goal: four axes that a curriculum grows along.

The order is that of the levels in :attr:`FourAxes.phi_sets`: positions, objects, environments,
goals. Of every axis a part is in none of the levels; :attr:`FourAxes.held_out` has it.

Symbols: B episodes, N objects of a scene.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.goals import handed_over, held_up, one_hot, placed, pushed
from datamodules.task import TaskDataModule, polar_pose
from robot.forward_kinematics import forward_kinematics
from robot.observation import turn
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.schema import GOALS, MAX_OBJECTS
from robot.simulation.objects import BANANA, BOWL, ObjectShape
from robot.simulation.scene import Scene
from robot.simulation.task import WorldState
from robot.teleop.operator import Plan, Waypoint, pick, place

OBJECTS = (
    BANANA,
    ObjectShape("box", (0.035, 0.02, 0.02), 0.10, rgba=(0.75, 0.30, 0.25, 1.0)),
    ObjectShape("cylinder", (0.024, 0.024, 0.03), 0.12, rgba=(0.30, 0.60, 0.40, 1.0)),
    ObjectShape("ball", (0.024, 0.024, 0.024), 0.06, rgba=(0.85, 0.50, 0.20, 1.0)),
    ObjectShape("mug", (0.040, 0.026, 0.032), 0.15, rgba=(0.45, 0.40, 0.65, 1.0)),
)
MUG = 4
DISTRACTORS = (
    ObjectShape("box", (0.02, 0.02, 0.02), 0.10, rgba=(0.40, 0.40, 0.45, 1.0)),
    ObjectShape("cylinder", (0.02, 0.02, 0.025), 0.10, rgba=(0.55, 0.55, 0.50, 1.0)),
)
# In the order in which they are learnt: what ends near to what is known comes first.
ORDER = ("lift", "hand_over", "push", "place")
HAND = 0.14  # how high over the table a hand waits, m
NEAREST_MARK, NEAREST_BOWL = 0.05, 0.19  # how far from the object, m
REACH = (0.26, 0.48)  # where on the table goals are, m from the base
APART = 0.16  # how much nearer, or further off, distractors are than the object, m

SPACE = PhiSpace(
    (
        Dimension("radius", *REACH, unit="m"),
        Dimension("bearing", -1.0, 1.0, unit="rad"),
        Dimension("yaw", -math.pi, math.pi, unit="rad"),
        Dimension("object", 0, len(OBJECTS), discrete=True),
        Dimension("size", 0.8, 1.2),
        Dimension("table_height", 0.0, 0.05, unit="m"),
        Dimension("distractors", 0, 1 + len(DISTRACTORS), discrete=True),
        Dimension("goal", 0, len(ORDER), discrete=True),
        Dimension("goal_distance", 0.0, 0.15, unit="m"),
        Dimension("goal_bearing", -math.pi, math.pi, unit="rad"),
        Dimension("mass", 0.5, 2.0, visible=False),
        Dimension("friction", 0.5, 1.4, visible=False),
        Dimension("camera_x", -0.015, 0.015, visible=False, unit="m"),
        Dimension("camera_y", -0.015, 0.015, visible=False, unit="m"),
        Dimension("lag", 0.0, 0.6, visible=False),
    )
)

PHI_1: dict[str, tuple[float, float]] = {
    "radius": (0.365, 0.375),
    "bearing": (-0.0135, 0.0135),
    "yaw": (-0.05, 0.05),
    "object": (0, 1),
    "size": (1.0, 1.0),
    "table_height": (0.0, 0.0),
    "distractors": (0, 1),
    "goal": (0, 1),
    "goal_distance": (0.0, 0.0),
    "goal_bearing": (0.0, 0.0),
    "mass": (1.0, 1.0),
    "friction": (1.0, 1.0),
    "camera_x": (0.0, 0.0),
    "camera_y": (0.0, 0.0),
    "lag": (0.0, 0.0),
}
# What each level adds to the one before.
LEVELS: dict[str, dict[str, tuple[float, float]]] = {
    "point": {},
    "near": {"radius": (0.33, 0.41), "bearing": (-0.108, 0.108), "yaw": (-0.4, 0.4)},
    "table": {"radius": REACH, "bearing": (-0.8, 0.8), "yaw": (-math.pi, math.pi)},
    "sizes": {"size": (0.9, 1.1), "mass": (0.7, 1.4), "object": (0, 2)},
    "objects": {"object": (0, MUG)},
    "tables": {"table_height": (0.0, 0.03), "distractors": (0, 3), "friction": (0.7, 1.2)},
    "environments": {"camera_x": (-0.008, 0.008), "camera_y": (-0.008, 0.008), "lag": (0.0, 0.4)},
    "hands": {"goal": (0, 2), "goal_distance": (0.0, 0.1), "goal_bearing": (-math.pi, math.pi)},
    "goals": {"goal": (0, 4)},
}
# What is in no level, an axis each; all else as in the level that is named.
HELD_OUT: dict[str, tuple[str, tuple[dict[str, tuple[float, float]], ...]]] = {
    "positions": ("table", ({"bearing": (-1.0, -0.8)}, {"bearing": (0.8, 1.0)})),
    "objects": (
        "objects",
        (
            {"object": (MUG, MUG + 1)},
            {"size": (0.8, 0.9)},
            {"size": (1.1, 1.2)},
            {"mass": (1.4, 2.0)},
        ),
    ),
    "environments": (
        "environments",
        ({"table_height": (0.03, 0.05)}, {"friction": (0.5, 0.7)}, {"lag": (0.4, 0.6)}),
    ),
    "goals": ("hands", ({"goal": (1, 2), "goal_distance": (0.1, 0.15)},)),
}


def grown() -> dict[str, PhiSet]:
    """The levels, each with all that came before it."""
    bounds, sets = dict(PHI_1), list[PhiSet]()
    for name, added in LEVELS.items():
        bounds |= added
        sets.append(PhiSet(name, (SPACE.box(**bounds),)))
    return SPACE.nested(sets)


def held_out() -> dict[str, PhiSet]:
    """The held-out part of each axis."""
    found = dict[str, PhiSet]()
    for axis, (level, parts) in HELD_OUT.items():
        bounds = dict(PHI_1)
        for name, added in LEVELS.items():
            bounds |= added
            if name == level:
                break
        found[axis] = PhiSet(axis, tuple(SPACE.box(**(bounds | part)) for part in parts))
    return found


class FourAxes(TaskDataModule):
    """Success: what the goal says, see :mod:`datamodules.goals`.

    The object is in slot 0, then comes the bowl if there is one, then whatever else is about.
    """

    task_name = "four_axes"
    phi_space = SPACE
    phi_sets = grown()
    held_out = held_out()
    max_steps = 100

    def scene(self, phi: Tensor) -> Scene:
        """The object, for some goals a bowl, distractors."""
        value = dict(zip(SPACE.names, phi.tolist(), strict=True))
        shape = OBJECTS[_index(value["object"], len(OBJECTS))]
        half: tuple[float, float, float] = tuple(x * value["size"] for x in shape.half_extents)
        shape = replace(
            shape,
            half_extents=half,
            mass=shape.mass * value["mass"],
            friction=shape.friction * value["friction"],
        )
        bowl = (BOWL,) if self._goals(phi[None])[0] == GOALS.index("place") else ()
        about = DISTRACTORS[: _index(value["distractors"], 1 + len(DISTRACTORS))]
        return Scene((shape, *bowl, *about), self.arm_name, value["table_height"])

    def place(self, phi: Tensor) -> Tensor:
        """All at their places; rows with fewer objects end with poses that nothing has."""
        radius, bearing, yaw = (self._of(phi, name) for name in ("radius", "bearing", "yaw"))
        straight = torch.zeros_like(yaw)
        item = polar_pose(radius, bearing, yaw, 0.0)
        bowl = polar_pose(*self._bowl(phi), straight, BOWL.rest_height)
        inwards = torch.where(bearing > 0, -1.0, 1.0)
        away = radius + torch.where(radius < sum(REACH) / 2, APART, -APART)
        about = [
            polar_pose(away, bearing + inwards * (0.1 + 0.35 * i), straight, shape.rest_height)
            for i, shape in enumerate(DISTRACTORS)
        ]
        item[:, 2] = self._rest_height(phi) - self._of(phi, "table_height")
        empty = torch.zeros_like(item)
        with_bowl = torch.stack([item, bowl, *about], dim=1)
        without = torch.stack([item, *about, empty], dim=1)
        poses = with_bowl.where(self._is(phi, "place")[:, None, None], without)
        poses[..., 2] += self._of(phi, "table_height")[:, None]
        assert poses.shape[1] == MAX_OBJECTS
        return poses

    def goal(self, phi: Tensor) -> Tensor:
        """Which goal, and where."""
        return torch.cat([one_hot(self._goals(phi)), self.goal_position(phi)], dim=-1)

    def goal_position(self, phi: Tensor) -> Tensor:
        """Where the hand waits, the mark is or the bowl stands; to lift has no place."""
        start = polar_pose(
            self._of(phi, "radius"), self._of(phi, "bearing"), self._of(phi, "yaw"), 0.0
        )[:, :3]
        distance, bearing = self._of(phi, "goal_distance"), self._of(phi, "goal_bearing")
        away = torch.stack([bearing.cos(), bearing.sin(), torch.zeros_like(bearing)], dim=-1)
        table = self._of(phi, "table_height")
        up = torch.tensor([0.0, 0.0, 1.0])
        hand = moved(start, distance[:, None] * away) + (HAND + table)[:, None] * up
        mark = moved(start, (NEAREST_MARK + distance)[:, None] * away) + table[:, None] * up
        bowl = polar_pose(*self._bowl(phi), torch.zeros_like(table), BOWL.rest_height)[:, :3]
        bowl = bowl + table[:, None] * up
        nowhere = torch.zeros_like(start)
        places = {"lift": nowhere, "hand_over": hand, "push": mark, "place": bowl}
        everywhere = torch.stack([places[name] for name in GOALS], dim=1)  # [B, 4, 3]
        return everywhere[torch.arange(len(phi)), self._goals(phi)]

    def camera_error(self, phi: Tensor) -> Tensor:
        """Along the table alone."""
        x, y = self._of(phi, "camera_x"), self._of(phi, "camera_y")
        return torch.stack([x, y, torch.zeros_like(x)], dim=-1)

    def actuator_lag(self, phi: Tensor) -> Tensor:
        """As phi says."""
        return self._of(phi, "lag")

    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the goal of each is reached."""
        table, where = self._of(phi, "table_height"), self.goal_position(phi)
        reached = {
            "lift": held_up(world, table=table),
            "hand_over": handed_over(world, where),
            "push": pushed(world, where, self._rest_height(phi)),
            "place": placed(world, bowl=1),
        }
        everything = torch.stack([reached[name] for name in GOALS], dim=1)
        return everything[torch.arange(len(phi)), self._goals(phi)]

    def plan(self) -> Plan:
        """Pick it up and bring it to where the goal is."""

        def plan(observation: TensorDictBase) -> list[Waypoint]:
            opening = self.arm.gripper.range[1]
            goal = GOALS[int(observation["goal"][: len(GOALS)].argmax())]
            if goal == "lift":
                return pick(observation, 0, opening)
            if goal == "place":
                height = 0.11 + float(observation["object_position"][1, 2]) - BOWL.rest_height
                return place(observation, 0, 1, opening, height)
            return self._bring(observation, opening, let_go=goal == "push")

        return plan

    def _bring(self, observation: TensorDictBase, opening: float, let_go: bool) -> list[Waypoint]:
        """Carry the object to the goal's place."""
        point, _ = forward_kinematics(self.arm, observation["joint_position"][None])
        heading = torch.atan2(point[:, 1], point[:, 0])
        offset = observation["goal"][None, None, -3:]
        there = (point + turn(offset, heading)[:, 0])[0].double().numpy()
        picked = pick(observation, 0, opening, lift=HAND + 0.02)
        yaw = picked[-1].yaw
        if not let_go:
            return [*picked, Waypoint(there, yaw, 0.0, 1.0), Waypoint(there, yaw, 0.0, 2.0)]
        down, over = there.copy(), there.copy()
        down[2], over[2] = picked[1].position[2] + 0.003, HAND
        return [
            *picked,
            Waypoint(over, yaw, 0.0, 0.8),
            Waypoint(down, yaw, 0.0, 0.8),
            Waypoint(down, yaw, opening, 0.5),
            Waypoint(down, yaw, opening, 1.0),
        ]

    def _of(self, phi: Tensor, name: str) -> Tensor:
        return phi[:, SPACE.index(name)]

    def _goals(self, phi: Tensor) -> Tensor:
        """Each row's place in ``GOALS``, long ``[B]``."""
        order = torch.tensor([GOALS.index(name) for name in ORDER])
        return order[self._of(phi, "goal").floor().long().clamp(0, len(ORDER) - 1)]

    def _is(self, phi: Tensor, goal: str) -> Tensor:
        return self._goals(phi) == GOALS.index(goal)

    def _rest_height(self, phi: Tensor) -> Tensor:
        """Of the object's middle, ``[B]`` m above the arm's base."""
        heights = torch.tensor([shape.rest_height for shape in OBJECTS])
        kind = self._of(phi, "object").floor().long().clamp(0, len(OBJECTS) - 1)
        return heights[kind] * self._of(phi, "size") + self._of(phi, "table_height")

    def _bowl(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """Its radius (m) and bearing (rad): towards the middle of the table."""
        radius, bearing = self._of(phi, "radius"), self._of(phi, "bearing")
        radius = radius.clamp(min=0.32)
        along = (NEAREST_BOWL + self._of(phi, "goal_distance")) / radius
        return radius, bearing + torch.where(bearing > 0, -along, along)


def moved(start: Tensor, by: Tensor) -> Tensor:
    """Places within reach, moved by ``[B, 3]`` (m), or the other way where that leads further.

    At the end of the arm's reach, outwards would lead nowhere.
    """
    there, back = within_reach(start + by), within_reach(start - by)
    nearer = (there - start).norm(dim=-1) < (back - start).norm(dim=-1) - 1e-6
    return torch.where(nearer[:, None], back, there)


def within_reach(place: Tensor) -> Tensor:
    """Places on the table ``[B, 3]`` (m), moved along their bearing to where the arm reaches."""
    radius = place[:, :2].norm(dim=-1, keepdim=True)
    scale = radius.clamp(*REACH) / radius
    return torch.cat([place[:, :2] * scale, place[:, 2:]], dim=-1)


def _index(value: float, count: int) -> int:
    """The whole number that a discrete dimension's value stands for."""
    return min(int(value), count - 1)
