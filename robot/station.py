"""An arm at its table, and what it has been through."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from robot.arm_errors import ArmError
from robot.arm_session import recover
from robot.clock import Clock
from robot.self_reset import SelfReset
from robot.servo_loop import ServoLoop
from robot.tabletop import Tabletop

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
        interventions: times a person was needed.
        faults: what went wrong, in order.
    """

    robot_s: float = 0.0
    episodes: int = 0
    aborted: int = 0
    resets: int = 0
    recoveries: int = 0
    interventions: int = 0
    faults: list[str] = field(default_factory=list[str])

    def metrics(self) -> dict[str, float]:
        """All numbers of it."""
        numbers = ("robot_s", "episodes", "aborted", "resets", "recoveries", "interventions")
        return {name: float(getattr(self, name)) for name in numbers}


@dataclass
class Station:
    """An arm at its table.

    Attributes:
        loop: that drives it.
        tabletop: what is around it.
        resets: puts things in place with the arm; None if somebody else does.
        log: what it has been through.
        failed: when it was found that it does not come back, s; it works if None.
    """

    loop: ServoLoop
    tabletop: Tabletop
    resets: SelfReset | None = None
    log: StationLog = field(default_factory=StationLog)
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
