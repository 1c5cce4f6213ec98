"""A scripted operator: moves like a person who looks at the table and drives the gripper.

It sees what a policy sees (the observation) and sends what a phone sends (pose messages).
Human-like variation: every attempt has its own pace, waypoints a little off, a hesitation now
and then, and a correction after an approach that was not quite right. A motion between two
waypoints follows the minimum-jerk profile of human reaching (Flash & Hogan 1985).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from tensordict import TensorDictBase

from robot.inverse_kinematics import Array, top_down
from robot.teleop.message import PoseMessage


@dataclass(frozen=True)
class Waypoint:
    """Where the gripper goes next.

    Attributes:
        position: grasp point, ``[3]`` m.
        yaw: of the closing direction, rad.
        opening: of the gripper, m.
        seconds: typical time to get there; each attempt has its own pace.
        spread: how far off an attempt may be, m (standard deviation, horizontal).
    """

    position: Array
    yaw: float
    opening: float
    seconds: float
    spread: float = 0.0

    def message(self, time: float) -> PoseMessage:
        """What a phone held there sends, at that time (s)."""
        return PoseMessage(top_down(self.position, self.yaw), self.opening, time)


# A plan turns the first observation of an episode (one environment) into waypoints.
Plan = Callable[[TensorDictBase], list[Waypoint]]


@dataclass(frozen=True)
class Style:
    """How much a person varies: standard deviations or probabilities.

    Where an attempt starts is drawn evenly from a box about home: a person drives on from where the
    arm happens to be. ``start_spread`` is half its side (m, half of that in height), ``start_yaw``
    half its range of yaw (rad).
    """

    pace: float = 0.12
    hesitation: float = 0.15
    hesitation_seconds: float = 0.3
    correction: float = 0.3
    correction_size: float = 0.008
    yaw: float = 0.03
    start_spread: float = 0.06
    start_yaw: float = 0.4

    def start(self, home: Waypoint, random: np.random.Generator) -> Waypoint:
        """Where an attempt starts, near home."""
        x, y, z, yaw = random.uniform(-1, 1, 4)
        away = self.start_spread * np.array([x, y, z / 2])
        return replace(home, position=home.position + away, yaw=home.yaw + self.start_yaw * yaw)


NORMAL = Style()


class ScriptedOperator:
    """Follows a plan with human-like variation.

    Args:
        plan: waypoints from the first observation.
        rate: messages a second, Hz.
        start: pose and opening in which episodes begin.
        style: amount of variation.
    """

    def __init__(self, plan: Plan, rate: float, start: Waypoint, style: Style = NORMAL) -> None:
        self._plan, self._rate, self._start, self._style = plan, rate, start, style

    def messages(
        self, observation: TensorDictBase, random: np.random.Generator, time: float
    ) -> Iterator[PoseMessage]:
        """One message a control step, from the episode's first observation; holds at the end."""
        pace = float(np.exp(self._style.pace * random.standard_normal()))
        here = self._start
        for waypoint in self._vary(self._plan(observation), random):
            steps = max(1, round(pace * waypoint.seconds * self._rate))
            for i in range(1, steps + 1):
                time += 1 / self._rate
                yield _between(here, waypoint, _minimum_jerk(i / steps)).message(time)
            here = waypoint
        while True:
            time += 1 / self._rate
            yield here.message(time)

    def _vary(self, waypoints: list[Waypoint], random: np.random.Generator) -> Iterator[Waypoint]:
        style = self._style
        for waypoint in waypoints:
            if waypoint.spread > 0 and random.random() < style.correction:
                miss = style.correction_size * random.standard_normal(2)
                yield replace(waypoint, position=waypoint.position + np.append(miss, 0.0))
                waypoint = replace(waypoint, seconds=0.3)
            off = np.append(waypoint.spread * random.standard_normal(2), 0.0)
            yaw = waypoint.yaw + style.yaw * random.standard_normal() * (waypoint.spread > 0)
            waypoint = replace(waypoint, position=waypoint.position + off, yaw=yaw)
            yield waypoint
            if random.random() < style.hesitation:
                yield replace(waypoint, seconds=style.hesitation_seconds)


def _minimum_jerk(s: float) -> float:
    return s**3 * (10 - 15 * s + 6 * s**2)


def _between(a: Waypoint, b: Waypoint, s: float) -> Waypoint:
    return replace(
        b,
        position=a.position + s * (b.position - a.position),
        yaw=a.yaw + s * (b.yaw - a.yaw),
        opening=a.opening + s * (b.opening - a.opening),
    )


def object_pose(observation: TensorDictBase, slot: int) -> tuple[Array, float]:
    """Position ``[3]`` (m) and yaw (rad) of the object in a slot, from one observation."""
    position = observation.get("object_position")[slot].double().numpy()
    rotation = observation.get("object_rotation")[slot].double().numpy()
    return position, float(np.arctan2(rotation[1], rotation[0]))


def grasp_yaw(object_yaw: float, position: Array) -> float:
    """The closing direction for an object that looks the same turned by half a turn.

    Of the two, the one nearer to the arm's own bearing, which the wrist reaches at ease.
    """
    bearing = float(np.arctan2(position[1], position[0]))
    return bearing + (object_yaw - bearing + np.pi / 2) % np.pi - np.pi / 2


def pick(
    observation: TensorDictBase, slot: int, opening: float, lift: float = 0.25
) -> list[Waypoint]:
    """Above the object, down, close, up.

    The lift aims well above what a task calls lifted: an episode ends at success, so a motion that
    slowed down there would teach a policy to stop short of it.
    """
    position, yaw = object_pose(observation, slot)
    yaw = grasp_yaw(yaw, position)
    above = np.array([position[0], position[1], 0.10])
    at = np.array([position[0], position[1], max(position[2], 0.018)])
    return [
        Waypoint(above, yaw, opening, 1.3, spread=0.004),
        Waypoint(at, yaw, opening, 0.9, spread=0.002),
        Waypoint(at, yaw, 0.0, 0.5),
        Waypoint(np.array([position[0], position[1], lift]), yaw, 0.0, 1.0),
    ]


def place(
    observation: TensorDictBase, slot: int, target: int, opening: float, height: float = 0.11
) -> list[Waypoint]:
    """Carry the picked object over the one in slot ``target``, let go, withdraw."""
    picked = pick(observation, slot, opening, lift=0.16)
    here, yaw = picked[-1].position, picked[-1].yaw
    there, _ = object_pose(observation, target)
    # The wrist turns with the arm: the object keeps its direction as seen from the base.
    yaw += float(np.arctan2(there[1], there[0]) - np.arctan2(here[1], here[0]))
    over = np.array([there[0], there[1], 0.18])
    low = np.array([there[0], there[1], height])
    return [
        *picked,
        Waypoint(over, yaw, 0.0, 1.6, spread=0.004),
        Waypoint(low, yaw, 0.0, 0.7, spread=0.004),
        Waypoint(low, yaw, opening, 0.5),
        Waypoint(over, yaw, opening, 0.7),
    ]
