"""How a servo's set point goes to its goal: by a time, by a speed, or at once."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A trapezoid of speed from one position to another, at rest at both ends.

    Attributes:
        start: position, in any unit.
        goal: position.
        duration: s; at once if 0.
        ramp: s of speeding up, and of slowing down.
    """

    start: float
    goal: float
    duration: float
    ramp: float = 0.0

    @classmethod
    def by_speed(cls, start: float, goal: float, speed: float, acceleration: float) -> Profile:
        """The fastest within limits: unit/s and unit/s^2, where 0 is none."""
        way = abs(goal - start)
        if speed == 0:
            return cls(start, goal, 0.0)
        if acceleration == 0:
            return cls(start, goal, way / speed)
        ramp = min(speed / acceleration, math.sqrt(way / acceleration))
        return cls(start, goal, way / (ramp * acceleration) + ramp if ramp else 0.0, ramp)

    def at(self, seconds: float) -> float:
        """The set point so long after the start."""
        if seconds >= self.duration:
            return self.goal
        ramp = min(self.ramp, self.duration / 2)
        way = self.goal - self.start
        top = way / (self.duration - ramp)  # speed in the middle
        if seconds < ramp:
            return self.start + top * seconds**2 / (2 * ramp)
        left = self.duration - seconds
        if left < ramp:
            return self.goal - top * left**2 / (2 * ramp)
        return self.start + top * (seconds - ramp / 2)
