"""Time, as whoever waits for it sees it: the machine's, or a simulation's."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    @property
    def waits(self) -> bool:
        """Whether time stands still while somebody computes."""
        ...

    def now(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Returns after so long; at once if that is not positive."""
        ...


class MachineClock:
    """The machine's own."""

    waits = False

    def now(self) -> float:
        """Seconds since the machine's start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        if seconds > 0:
            time.sleep(seconds)
