"""The clock of virtual arms in lockstep: time goes by while somebody waits, and only then."""

from __future__ import annotations

from robot.virtual.world import VirtualWorld


class LockstepClock:
    """Waiting lets the virtual arms' time go by, as fast as it can be computed.

    Args:
        worlds: of the arms.
    """

    waits = True

    def __init__(self, *worlds: VirtualWorld) -> None:
        self._worlds = worlds
        self._now = 0.0

    def now(self) -> float:
        """Seconds that were waited for so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Lets so much time go by."""
        if seconds > 0:
            for world in self._worlds:
                world.ask("advance", seconds)
            self._now += seconds
