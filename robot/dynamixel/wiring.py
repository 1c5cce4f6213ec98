"""Which servos an arm has, and the linkage of its gripper: ``bus`` of its data file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import yaml

from robot.arm_description import ARMS, load_arm

# Ticks by which an arm that rests may sag beyond a limit, 2.6 degrees: it is driven back in.
SAG = 30
MODES = {"position": 3, "current_position": 5}


@dataclass(frozen=True)
class ServoWiring:
    """A servo of a joint.

    Attributes:
        joint: that it turns; the gripper's name for its own.
        id: on the bus.
        model: such as ``xm540_w270``.
        limits: smallest and largest position, ticks.
        reversed: mounted facing the other way, so that its drive mode has to be reversed.
        shadows: the id whose instructions it follows as well; none if None.
        mode: what it regulates.
        current: A, its limit in the mode ``current_position``.
        pwm: share of its voltage that it gives at most; all if None.
    """

    joint: str
    id: int
    model: str
    limits: tuple[int, int]
    reversed: bool = False
    shadows: int | None = None
    mode: Literal["position", "current_position"] = "position"
    current: float | None = None
    pwm: float | None = None

    def may_be_at(self, ticks: int) -> bool:
        """Whether torque may come on at a position; only that of joints is limited."""
        low, high = self.limits
        return self.mode != "position" or low - SAG <= ticks <= high + SAG

    def within(self, ticks: int) -> int:
        """The nearest position within the limits."""
        return min(self.limits[1], max(self.limits[0], ticks))


@dataclass(frozen=True)
class Linkage:
    """A horn that pushes a finger along a rail by an arm; lengths in m.

    With the horn at angle a, the finger is ``horn sin a + sqrt(arm^2 - (horn cos a)^2)`` along.

    Attributes:
        horn: from the servo's axis to where the arm is fixed.
        arm: from there to the finger.
        closed: how far along the finger is when the pads touch.
    """

    horn: float
    arm: float
    closed: float

    def opening(self, angle: float) -> float:
        """Between the pads, m, at an angle of the horn, rad."""
        along = self.horn * math.sin(angle)
        along += math.sqrt(self.arm**2 - (self.horn * math.cos(angle)) ** 2)
        return 2 * (along - self.closed)

    def angle(self, opening: float) -> float:
        """The horn's angle in [-pi/2, pi/2] at an opening, or at the nearest that it can have."""
        along = opening / 2 + self.closed
        sine = (self.horn**2 + along**2 - self.arm**2) / (2 * self.horn * along)
        return math.asin(max(-1.0, min(1.0, sine)))


@dataclass(frozen=True)
class Wiring:
    """An arm's bus.

    Attributes:
        baud: bits a second.
        velocity_limit: register 44 of all servos, units of 0.229 rpm.
        servos: base to gripper.
        linkage: of the gripper.
    """

    baud: int
    velocity_limit: int
    servos: tuple[ServoWiring, ...]
    linkage: Linkage

    @property
    def leaders(self) -> tuple[ServoWiring, ...]:
        """The servos that are told where to go: one a joint, in action order."""
        return tuple(servo for servo in self.servos if servo.shadows is None)


@lru_cache
def load_wiring(arm: str) -> Wiring:
    """The bus of an arm.

    Raises:
        ValueError: if there is no such arm, or its servos are not one leader a joint, in order.
    """
    names = load_arm(arm).action_names
    data: dict[str, Any] = yaml.safe_load((ARMS / f"{arm}.yaml").read_text())["bus"]
    servos = tuple(_servo(row) for row in data["servos"])
    wiring = Wiring(data["baud"], data["velocity_limit"], servos, Linkage(**data["linkage"]))
    led = tuple(servo.joint for servo in wiring.leaders)
    if led != names:
        raise ValueError(f"{arm}'s servos lead {', '.join(led)}; its joints are {', '.join(names)}")
    return wiring


def _servo(row: dict[str, Any]) -> ServoWiring:
    limits: Any = row.pop("limits")
    return ServoWiring(limits=tuple(limits), **row)
