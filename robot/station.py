"""An arm at its table, and what it has been through."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from robot.arm_errors import ArmError
from robot.arm_session import lie_down, recover
from robot.cameras.camera import Camera
from robot.clock import Clock
from robot.rests import Rests
from robot.self_reset import SelfReset
from robot.servo_loop import ServoLoop
from robot.tabletop import Tabletop

LOOK = 1.0  # s between two looks at an arm that rests
AGAIN = 60.0  # s after which an arm that could not be brought back is tried again


@dataclass
class StationLog:
    """What an arm has done.

    Attributes:
        robot_s: seconds it moved in episodes.
        episodes: that it ended.
        aborted: episodes that a fault ended.
        resets: times it put things in place itself.
        recoveries: faults it came back from by itself.
        rests: times it rested.
        rest_s: seconds of that.
        interventions: times a person was needed.
        faults: what went wrong, in order.
    """

    robot_s: float = 0.0
    episodes: int = 0
    aborted: int = 0
    resets: int = 0
    recoveries: int = 0
    rests: int = 0
    rest_s: float = 0.0
    interventions: int = 0
    faults: list[str] = field(default_factory=list[str])

    def metrics(self) -> dict[str, float]:
        """All numbers of it."""
        return {name: float(n) for name, n in vars(self).items() if name != "faults"}


@dataclass
class Station:
    """An arm at its table.

    Attributes:
        loop: that drives it.
        tabletop: what is around it.
        resets: puts things in place with the arm; None if somebody else does.
        rests: that it takes; none, if somebody watches it.
        filmed: camera that films its episodes; none does, if None.
        log: what it has been through.
        since: when it began to work, at first or after its last rest, s.
        resting: when it lay down; None if it does not rest.
        failed: when it was found that it does not come back, s; it works if None.
    """

    loop: ServoLoop
    tabletop: Tabletop
    resets: SelfReset | None = None
    rests: Rests | None = None
    filmed: Camera | None = None
    log: StationLog = field(default_factory=StationLog)
    since: float | None = None
    resting: float | None = None
    failed: float | None = None

    @property
    def works(self) -> bool:
        """Whether episodes can be made on it."""
        return self.failed is None and self.loop.fault is None

    def put(self, phi: Tensor) -> bool:
        """Has the arm put things in place, wherever it is; whether it thinks that it did.

        Raises:
            ArmError: if the arm is faulted.
        """
        return self.resets is not None and self.resets.put(phi)

    def begin(self, phi: Tensor, put: bool) -> None:
        """Has things where task parameters ``[P]`` want them, the arm being out of the way.

        Args:
            phi: task parameters.
            put: whether the arm has put them there. Where it has not, or that is not so, a person
                does it.

        Raises:
            ArmError: if they are not.
        """
        if put and self.resets is not None and self.resets.is_done(phi):
            self.tabletop.expect(phi)
            self.log.resets += 1
            return
        if self.resets is not None:
            self.log.interventions += 1
        self.tabletop.reset(phi)

    def tired(self, now: float) -> str:
        """Why it should rest before it goes on; empty if it need not."""
        self.since = now if self.since is None else self.since
        if self.rests is None or not self.works:
            return ""
        return self.rests.why(self.loop.arm.degrees, self._hottest, now - self.since)

    def lie_down(self, clock: Clock) -> None:
        """Has it begin a rest.

        Raises:
            ArmError: if it does not get there.
        """
        self.resting = clock.now()
        lie_down(self.loop, clock)

    def rested(self, now: float) -> bool:
        """Whether it may go on: its rest is over, or a fault has ended it."""
        if self.resting is None:
            return True
        if self.works and self.rests is not None and self.since is not None:
            worked, lain = self.resting - self.since, now - self.resting
            if not self.rests.over(self.loop.arm.degrees, self._hottest, worked, lain):
                return False
        self.log.rests += 1
        self.log.rest_s += now - self.resting
        self.since, self.resting = now, None
        return True

    @property
    def _hottest(self) -> float:
        return self.loop.limits.temperature_limit

    def abort(self, error: ArmError) -> None:
        """Notes that a fault has ended an episode."""
        self.log.aborted += 1
        self.log.faults.append(str(error))

    def revive(self, clock: Clock) -> None:
        """Has it work again, if it comes back by itself; one that did not is left alone a while."""
        if self.works or clock.now() - (-math.inf if self.failed is None else self.failed) < AGAIN:
            return
        if self.loop.fault is not None:
            self.loop.start()
            try:
                recover(self.loop, clock)
            except ArmError as error:
                self.give_up(error, clock)
                return
            self.log.recoveries += 1
        self.failed = None

    def give_up(self, error: ArmError, clock: Clock) -> None:
        """Notes that it needs a person; one that still does is one case with before."""
        if self.failed is None:
            self.log.interventions += 1
            self.log.faults.append(str(error))
        self.failed = clock.now()
        if self.loop.fault is not None:
            self.loop.end()  # nobody asks a servo that does not answer; others hold by themselves
