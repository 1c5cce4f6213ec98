"""Drives an arm by the messages of a hand, whatever becomes of whoever sends them.

Shortly before each cycle of the servo loop the newest message becomes a command: clutch, inverse
kinematics, limits. Where the clutch is not held, or nothing has come for too long, the arm comes to
rest and holds; then the clutch has to be pressed anew.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robot.arm_errors import ArmError
from robot.clock import Clock
from robot.forward_kinematics import forward_kinematics
from robot.inverse_kinematics import Array, Pose, pose_of
from robot.servo_loop import ServoLoop
from robot.teleop.clutch import SCALE, Clutch
from robot.teleop.hand_message import HandMessage
from robot.teleop.message import PoseMessage
from robot.teleop.playout import Playout
from robot.teleop.retargeting import Retargeting

RATE = 100.0  # Hz of the servo loop
LEAD = 0.004  # s that a command is computed before the cycle that sends it
STALE = 0.2  # s without a message after which the arm holds
LATE = 0.2  # s by which a message may come later than the quickest
NOTED = 0.02  # m that the gripper is from where it should be so that it is worth a word
AT_END = 0.01  # rad from the end of a joint's range
RECENT = 256  # messages of which it is known that they came
DRIFT = 1e-3  # of the device's clock against ours, at most


@dataclass(frozen=True)
class DrivingState:
    """What the operator is told.

    Attributes:
        held: whether the arm follows.
        why: why it does not though the clutch is pressed; empty if it does.
        limited: what keeps the gripper from where it should be: ``surroundings`` (table,
            workspace, the arm itself), ``range`` of a joint or ``speed``; empty if nothing does.
        jumps: of the hand, that were not followed.
        dropped: messages that came twice or too late.
        fault: of the arm; empty if there is none.
    """

    held: bool
    why: str
    limited: str
    jumps: int
    dropped: int
    fault: str


class Driving:
    """Follows a hand; goes on beside the loop from :meth:`start` to :meth:`end`.

    Args:
        loop: that drives the arm; it has begun.
        clock: tells the time.
        scale: of the gripper's way, of the hand's.
    """

    def __init__(self, loop: ServoLoop, clock: Clock, scale: float = SCALE) -> None:
        self.loop, self.clock = loop, clock
        self._arm = loop.arm.description
        self._clutch = Clutch(scale)
        self._retargeting = Retargeting(self._arm)
        self._lock = threading.Lock()
        self._message: HandMessage | None = None  # the newest
        self._recent: deque[int] = deque(maxlen=RECENT)  # numbers of messages
        self._playout = Playout()
        self._came = 0.0
        self._quickest: float | None = None  # the least from a device's time to ours, s
        self._judged = 0.0  # when that was known last
        self._pressed = False  # since the clutch was let go last
        self._why = self._fault = self._limited = ""
        self._dropped = 0
        self._ticked = -1.0

    # From the device

    def receive(self, message: HandMessage) -> bool:
        """Takes in a message; whether it is new."""
        now = self.clock.now()
        with self._lock:
            way = now - message.time
            drift = DRIFT * (now - self._judged)
            self._quickest = way if self._quickest is None else min(way, self._quickest + drift)
            self._judged = now
            late = way - self._quickest
            if late > LATE and not message.held:  # nothing moves by it: that long they take now
                self._quickest, late = way, 0.0
            if message.sequence in self._recent or late > LATE:
                self._dropped += 1
                return False
            before = self._message
            if before is None or message.sequence > before.sequence:
                self._message, self._came = message, now
                self._hold(message.held, before is None or before.held)
            self._recent.append(message.sequence)
            self._playout.add(now - late, late, message.position, message.rotation)
        return True

    def _hold(self, held: bool, before: bool) -> None:
        """Whoever comes holding on, as after a lost connection, has to let go first."""
        if not held:
            self._pressed, self._why = False, ""
        elif not before:
            self._pressed = True
            self._playout.clear()  # from where it is held on, the hand is followed
        elif not self._pressed and not self._why:
            self._why = "it was held on to already: let go and press again"

    def leave(self, why: str) -> None:
        """Nobody drives any more, as when a connection is lost; the arm holds."""
        with self._lock:
            self._let_go(why)
            self._message = self._quickest = None
            self._recent.clear()
            self._playout = Playout()

    def _let_go(self, why: str) -> None:
        self._pressed, self._why = False, why

    @property
    def heard(self) -> int:
        """Number of the newest message; -1 if there is none."""
        message = self._message
        return -1 if message is None else message.sequence

    @property
    def state(self) -> DrivingState:
        """What the operator is told."""
        with self._lock:
            return DrivingState(
                self._clutch.pressed,
                self._why,
                self._limited,
                self._clutch.jumps,
                self._dropped,
                self._fault,
            )

    # To the arm

    def start(self) -> None:
        """Follows from now on."""
        with self._lock:
            self._let_go("")
            self._fault = ""
        self.clock.begin(self)

    def end(self) -> None:
        """Follows no more; the arm holds."""
        self.clock.end(self)
        self._clutch.release()

    def due(self) -> float:
        """Before the servo loop's next cycle."""
        period, due = self.loop.statistics.period, self.loop.due() - LEAD
        return due if due > self._ticked + period / 2 else due + period

    def cycle(self) -> None:
        """One command."""
        now, period = self.clock.now(), self.loop.statistics.period
        self._ticked = now
        with self._lock:
            message = self._message
            if self._pressed and now - self._came > STALE:
                self._let_go(f"nothing has come for {STALE} s: let go and press again")
            pressed = self._pressed and message is not None
            hand = self._playout.at(now) if pressed else None
        try:
            if message is not None and hand is not None:
                self._follow(message, hand, period)
            else:
                self._rest(period)
        except ArmError as error:
            with self._lock:
                self._let_go(str(error))
                self._fault = str(self.loop.fault or "")
            self._clutch.release()

    def _rest(self, period: float) -> None:
        """Comes to rest where it is; the limits say how soon."""
        self._clutch.release()
        self._limited = ""
        self.loop.follow(self.loop.sent, period)

    def _follow(self, message: HandMessage, hand: tuple[Array, Array], period: float) -> None:
        """Goes where a hand leads, as far as the arm gets within the period."""
        last = self.loop.sent
        if not self._clutch.pressed:
            self._clutch.press(self._gripper(last))
        self._clutch.see(*hand)
        low, high = (np.array(corner) for corner in self.loop.limits.workspace)
        asked = self._clutch.gripper(period)
        inside = Pose(asked.position.clip(low, high), asked.quaternion)
        opening = message.opening * self._arm.gripper.range[1]
        target = self._retargeting.command(PoseMessage(inside, opening, message.time), last)
        # A solution on the other side of a singularity is approached, not jumped to.
        step = torch.tensor(self._arm.velocity_limit) * period
        sent = self.loop.follow(target.clamp(last - step, last + step), period)
        off = np.linalg.norm(self._gripper(sent).position - asked.position)
        self._limited = self._what_limits(target) if off > NOTED else ""

    def _what_limits(self, target: Tensor) -> str:
        """What keeps the arm from a target ``[A]`` that it does not get to."""
        if self.loop.guard.depth(target) > 0:
            return "surroundings"
        low, high = torch.tensor(self._arm.action_low), torch.tensor(self._arm.action_high)
        at_end = (target <= low + AT_END) | (target >= high - AT_END)
        return "range" if bool(at_end[:-1].any()) else "speed"

    def _gripper(self, command: Tensor) -> Pose:
        """Where a command has the gripper."""
        position, rotation = forward_kinematics(self._arm, command[:-1].double())
        return pose_of(position.numpy(), rotation.numpy())
