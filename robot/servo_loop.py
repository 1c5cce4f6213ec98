"""Fifty times a second: measure, go on towards the last command, look after the arm.

A command is reached by interpolation within the time it was given. When no new one comes in time
the arm holds, and so it does when a measurement is missing; when that lasts, or a servo reports an
error, the loop is *faulted*: it holds what it can and says why.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from robot.arm import Arm, ArmState
from robot.arm_errors import ArmError, BusError, ServoError
from robot.clock import Clock, MachineClock
from robot.safety import Guard, load_safety

RATE = 50.0  # Hz
# Measurements of a joint may be missing for so long, s.
PATIENCE = 0.06
# Waiting for a servo that does not answer takes several periods: a limping arm, which goes on
# without, is measured so seldom then that it still moves smoothly, s.
ASKED_AGAIN = 0.5
KEPT = 65_536  # periods that statistics are of


@dataclass
class LoopStatistics:
    """How well a loop kept its time.

    Attributes:
        period: s, that was asked for.
        periods: s, measured; the last of them.
        missed: cycles without a measurement.
    """

    period: float
    periods: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    missed: int = 0

    def metrics(self) -> dict[str, float]:
        """Periods' ``p50`` and ``p99``, s; ``loop/late``: share of them half as long again."""
        if not self.periods:
            return {}
        measured = torch.tensor(self.periods, dtype=torch.float64)
        error = (measured - self.period).abs()
        return {
            "loop/period/p50": float(measured.median()),
            "loop/period/p99": float(measured.quantile(0.99)),
            "loop/error/p99": float(error.quantile(0.99)),
            "loop/late": float((measured > 1.5 * self.period).double().mean()),
            "loop/missed": self.missed / len(measured),
        }


@dataclass(frozen=True)
class _Way:
    """From one command to the next, between two moments."""

    start: Tensor
    goal: Tensor
    begun: float
    ends: float

    def at(self, now: float) -> Tensor:
        if now >= self.ends or self.ends <= self.begun:
            return self.goal
        share = (now - self.begun) / (self.ends - self.begun)
        return torch.lerp(self.start, self.goal, max(0.0, share))


class ServoLoop:
    """Drives a connected arm.

    From :meth:`start` on it goes on beside whoever uses it: see ``Clock.begin``.

    Args:
        arm: that is driven.
        table_height: m.
        rate: Hz.
        clock: tells the time.

    Attributes:
        fault: why it does nothing but hold any more; None while all is well.
        stale: whether it holds because no command has come for too long.
        limping: whether it goes on in spite of faults, as to get into its rest.
        statistics: how well it keeps its time.
    """

    def __init__(
        self,
        arm: Arm,
        table_height: float = 0.0,
        rate: float = RATE,
        clock: Clock | None = None,
    ) -> None:
        self.arm = arm
        self.clock = clock or MachineClock()
        self.guard = Guard(arm.description, table_height)
        self.limits = load_safety(arm.description.name)
        self.fault: ArmError | None = None
        self.stale = self.limping = False
        self.statistics = LoopStatistics(1 / rate)
        self._period = 1 / rate
        self._lock = threading.Lock()  # of where the arm is going
        self._bus = threading.Lock()  # of who speaks to it
        self._state: ArmState | None = None
        self._way: _Way | None = None
        self._missing_since: float | None = None
        self._strained_since: float | None = None
        self._next = 0.0
        self._last_cycle: float | None = None

    def begin(self) -> ArmState:
        """Takes the arm over where it is, without moving it.

        Raises:
            ArmError: if it cannot be measured.
        """
        state = self.arm.read()
        now = self.clock.now()
        with self._lock:
            self._state = state
            self._way = _Way(state.position, state.position, now, now)
            self.guard.begin()
            self.fault = None
            self._missing_since = self._strained_since = None
            self._next, self._last_cycle = now, None
        return state

    def resume(self, limping: bool = False) -> None:
        """Goes on from where the arm is, after a fault or a pause.

        Args:
            limping: whether what is wrong is no reason to stop.

        Raises:
            ArmError: if the arm does not hold, and is not limping.
        """
        with self._bus:
            self.arm.hold(strict=not limping)
            try:
                self._state = self.arm.read()
            except ArmError:
                if not limping:
                    raise
        self.limping = limping
        with self._lock:
            here = self.state.position
            now = self.clock.now()
            self._way = _Way(here, here, now, now)
            self.guard.begin()
            self.fault = self._missing_since = self._strained_since = None
            self._next = now

    def restore(self) -> None:
        """Has the arm start anew what has let go of it; nothing is measured or sent meanwhile.

        Raises:
            ArmError: if it is not as it should be after that.
        """
        with self._bus:
            self.arm.restore()

    def start(self) -> None:
        """Goes on by itself, until :meth:`end`."""
        self.clock.begin(self)

    def end(self) -> None:
        """Goes on no more; the arm holds its last command."""
        self.clock.end(self)

    @property
    def state(self) -> ArmState:
        """What was measured last."""
        assert self._state is not None, "the loop has not begun"
        return self._state

    @property
    def sent(self) -> Tensor:
        """The command that the arm is on its way to, ``[A]``."""
        assert self._way is not None, "the loop has not begun"
        return self._way.goal

    def follow(self, target: Tensor, seconds: float) -> Tensor:
        """Has the arm go to a target ``[A]`` within so long.

        Returns:
            What is sent instead, within all limits.

        Raises:
            ArmError: if the loop is faulted, or the target is refused; the arm holds then.
        """
        self.check()
        now = self.clock.now()
        with self._lock:
            assert self._way is not None, "the loop has not begun"
            allowed = self.guard.allowed(target, self._way.goal, seconds)
            self._way = _Way(self._way.at(now), allowed, now, now + seconds)
        return allowed

    def until(self, moment: float) -> None:
        """Returns at a moment of the clock.

        Raises:
            ArmError: as soon as the loop is faulted.
        """
        together([self], self.clock, moment)

    def check(self) -> None:
        """Raises the fault, if there is one.

        Raises:
            ArmError: that.
        """
        if self.fault is not None:
            raise self.fault

    def due(self) -> float:
        """When it measures and commands next, s."""
        return self._next

    def cycle(self) -> None:
        """One measurement, one command."""
        now = self.clock.now()
        self._next += self._period
        if self._next < now:  # late by more than a cycle: what is past is not made up for
            self._next = now + self._period
        if not self._bus.acquire(blocking=not self.clock.waits):
            return  # whoever speaks to the arm is the one that waits for us
        try:
            if self._last_cycle is not None:
                self.statistics.periods.append(now - self._last_cycle)
            self._last_cycle = now
            self._measure(now)
            self._send(now)
        except ArmError as error:
            if not self.limping:
                self._give_up(error)
        except Exception as error:  # what ends unseen would look like an arm that holds
            self._give_up(ArmError(f"the servo loop broke, which is a bug: {error!r}"))
        finally:
            self._bus.release()

    def _measure(self, now: float) -> None:
        missing = self._missing_since
        if self.limping and missing is not None and now - missing < ASKED_AGAIN:
            return
        try:
            state = self.arm.read()
        except ArmError as error:
            if self.limping:
                self._missing_since = now
                return
            if not isinstance(error, BusError):
                raise
            self.statistics.missed += 1
            self._missing_since = now if self._missing_since is None else self._missing_since
            if now - self._missing_since >= PATIENCE:
                raise
            return
        self._missing_since = None
        self._state = state
        if float(state.current.max()) <= self.limits.current_limit:
            self._strained_since = None
            return
        self._strained_since = now if self._strained_since is None else self._strained_since
        if now - self._strained_since >= self.limits.current_time:
            name = self.arm.description.action_names[int(state.current.argmax())]
            raise ServoError(
                f"{name} draws {float(state.current.max()):.1f} A for more than "
                f"{self.limits.current_time} s, {self.limits.current_limit} A is the most: is "
                "something in the way?"
            )

    def _send(self, now: float) -> None:
        """Goes on towards the goal, unless there is nothing new to go by."""
        with self._lock:
            assert self._way is not None
            way = self._way
            self.stale = now - way.ends > self.limits.deadman
            unseen = self._missing_since is not None and not self.limping
            if self.stale or unseen or self.fault is not None:
                self.guard.begin()
                held = way.at(min(now, self._seen_until()))
                self._way = way = _Way(held, held, now, min(now, way.ends))
        self.arm.command(way.at(now))

    def _seen_until(self) -> float:
        """The last moment at which the arm was measured."""
        return self.state.stamp

    def _give_up(self, error: ArmError) -> None:
        """Holds from now on, as far as the arm still hears."""
        if self.fault is None:
            self.fault = error
            with self._lock:
                if self._way is not None:
                    held = self._way.at(self._seen_until())
                    self._way = _Way(held, held, self.clock.now(), self.clock.now())
        try:
            self.arm.command(self.sent)
        except ArmError:
            return  # nothing is heard; servos hold by their watchdog


def together(loops: Sequence[ServoLoop], clock: Clock, moment: float, strict: bool = True) -> None:
    """Waits until a moment of the clock, and has an eye on several loops.

    Args:
        loops: that go on; a faulted one holds its arm.
        clock: tells the time.
        moment: of it.
        strict: whether a fault is raised.

    Raises:
        ArmError: as soon as one of them is faulted, if strict.
    """
    while (left := moment - clock.now()) > 0:
        for loop in loops if strict else ():
            loop.check()
        clock.sleep(min(left, 1 / RATE))
    for loop in loops if strict else ():
        loop.check()
