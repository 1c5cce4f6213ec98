"""The clock of virtual arms in lockstep: time goes by while somebody waits, and only then."""

from __future__ import annotations

from robot.clock import Periodic
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
        self._beside: list[Periodic] = []

    def begin(self, what: Periodic) -> None:
        """Within :meth:`sleep`, whoever calls it."""
        if what not in self._beside:
            self._beside.append(what)

    def end(self, what: Periodic) -> None:
        """At once."""
        if what in self._beside:
            self._beside.remove(what)

    def now(self) -> float:
        """Seconds that were waited for so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Lets so much time go by, and all be done that is due in it."""
        ends = self._now + max(0.0, seconds)
        while True:
            first = min(self._beside, key=lambda what: what.due(), default=None)
            moment = ends if first is None else min(ends, first.due())
            if moment > self._now:
                for world in self._worlds:
                    world.ask("advance", moment - self._now)
                self._now = moment
            if first is None or first.due() > ends:
                return
            first.cycle()
