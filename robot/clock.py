"""Time, as whoever waits for it sees it: the machine's, or a simulation's."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from typing import Protocol


class Periodic(Protocol):
    """What is to be done again and again."""

    def due(self) -> float:
        """When it is to be done next, s."""
        ...

    def cycle(self) -> None:
        """Does it; it is due later then."""
        ...


class Clock(Protocol):
    """Tells the time and waits."""

    @property
    def waits(self) -> bool:
        """Whether time stands still while somebody computes."""
        ...

    def begin(self, what: Periodic) -> None:
        """Has something done whenever it is due, beside whoever waits, until it is ended.

        Again does nothing.
        """
        ...

    def end(self, what: Periodic) -> None:
        """Has it done no more; what is not done anyway is left so."""
        ...

    def now(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Returns after so long; at once if that is not positive."""
        ...


SWITCH = 0.0005  # s after which a Python thread lets another one run, if that waits


def promptly() -> None:
    """Has the system run this thread before others that compute, where it may (Linux, a limit).

    A servo that hears nothing for a tenth of a second stops. What this thread starts runs as usual.
    """
    sys.setswitchinterval(SWITCH)
    if hasattr(os, "SCHED_RR"):
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


class MachineClock:
    """The machine's own."""

    waits = False

    def __init__(self) -> None:
        self._threads: dict[int, tuple[threading.Thread, threading.Event]] = {}

    def begin(self, what: Periodic) -> None:
        """In a thread of its own."""
        if id(what) in self._threads:
            return
        ended = threading.Event()

        def run() -> None:
            promptly()
            while not ended.is_set():
                self.sleep(what.due() - self.now())
                what.cycle()

        thread = threading.Thread(target=run, name=type(what).__name__, daemon=True)
        self._threads[id(what)] = thread, ended
        thread.start()

    def end(self, what: Periodic) -> None:
        """Waits until it is done with what it is at."""
        if id(what) in self._threads:
            thread, ended = self._threads.pop(id(what))
            ended.set()
            thread.join()

    def now(self) -> float:
        """Seconds since the machine's start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        if seconds > 0:
            time.sleep(seconds)
