"""An arm from the moment it is switched on until it lies in its rest, whatever happens between."""

from __future__ import annotations

import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import torch
from torch import Tensor

from robot.arm import Arm
from robot.arm_errors import ArmError
from robot.clock import Clock, MachineClock
from robot.servo_loop import RATE, ServoLoop, together

SLOWLY = 0.25  # of the fastest speed, while nobody watches where the arm goes
NEAR, EXACTLY = 0.05, 1e-3  # rad and m: a pose is nearly reached, and is
STEP = 0.1  # s between two targets on the way to a pose


@contextmanager
def arm_session(
    arm: Arm, table_height: float = 0.0, clock: Clock | None = None, rate: float = RATE
) -> Generator[ServoLoop]:
    """Connects an arm, drives it, and parks it before it lets go of it.

    Also where what is done with it raises, Ctrl-C is pressed or the process is asked to end
    (SIGTERM). Where an arm cannot be parked any more it is driven as far as it goes and then let
    go of, and the error says so.

    Args:
        arm: that is driven.
        table_height: m.
        clock: tells the time.
        rate: of the servo loop, Hz.

    Yields:
        The loop, which has begun.

    Raises:
        ArmError: if it cannot be connected, or was faulted.
    """
    clock = clock or MachineClock()
    loop = ServoLoop(arm, table_height, rate, clock)
    with _ended_by(signal.SIGTERM):
        try:
            arm.connect()
            loop.begin()
            loop.start()
            try:
                yield loop
            finally:
                park(loop, clock)
        finally:
            loop.end()
            arm.close()


def park(loop: ServoLoop, clock: Clock) -> None:
    """Drives the arm over its home into its rest, slowly; as far as it goes if it is faulted.

    Raises:
        ArmError: if it was, or does not get there.
    """
    loop.start()
    fault = loop.fault
    if fault is None:
        try:
            loop.resume()
            lie_down(loop, clock)
            return
        except ArmError as error:
            fault = error
    with suppress(ArmError):  # what does not hear goes nowhere
        loop.resume(limping=True)
        lie_down(loop, clock)
    loop.fault = fault
    raise ArmError(f"{fault}; whether the arm is in its rest is not known: support it")


def recover(loop: ServoLoop, clock: Clock) -> ArmError:
    """Brings a faulted arm back: rest, servos started anew and set, torque, home.

    Args:
        loop: that is faulted, and holds.
        clock: tells the time.

    Returns:
        What the fault was.

    Raises:
        ArmError: if it does not come back: a servo is dead, too hot, or reports errors again. The
            loop is faulted then.
    """
    fault = loop.fault
    assert fault is not None, "there is nothing to recover from"
    try:
        loop.resume(limping=True)
        with suppress(ArmError):  # a joint without torque goes nowhere
            lie_down(loop, clock)
        loop.restore()
        loop.resume()
        go([loop], [loop.arm.description.home_command], clock)
    except ArmError as error:
        loop.fault = error
        raise
    return fault


def lie_down(loop: ServoLoop, clock: Clock) -> None:
    """Drives an arm over its home into its rest, slowly; it holds there.

    Raises:
        ArmError: if it does not get there.
    """
    description, opening = loop.arm.description, float(loop.sent[-1])
    for pose in (description.home, description.sleep):
        go([loop], [[*pose, opening]], clock)


def go(
    loops: Sequence[ServoLoop],
    poses: Sequence[Sequence[float]],
    clock: Clock,
    patience: float = 10.0,
) -> None:
    """Drives arms slowly to their poses, side by side.

    Args:
        loops: that drive them.
        poses: ``[A]`` rad and m of each.
        clock: tells the time.
        patience: s after which they should have arrived.

    Raises:
        ArmError: if one has not, or a loop is faulted.
    """
    fastest = torch.tensor(loops[0].arm.description.velocity_limit) * SLOWLY * STEP
    targets = [torch.tensor(pose) for pose in poses]
    begun = clock.now()
    away = [i for i, target in enumerate(targets) if not _is_at(loops[i].sent, target, EXACTLY)]
    while away:
        if clock.now() - begun > patience:
            loop, target = loops[away[0]], targets[away[0]]
            name = loop.arm.description.action_names[int((loop.sent - target).abs().argmax())]
            raise ArmError(f"{name} does not get where it should within {patience:.0f} s")
        before = {i: loops[i].sent.clone() for i in away}
        for i in away:
            way = (targets[i] - loops[i].sent).clamp(-fastest, fastest)
            loops[i].follow(loops[i].sent + way, STEP)
        together(loops, clock, clock.now() + STEP)
        away = [i for i in away if not _has_arrived(loops[i].sent, before[i], targets[i])]
    together(loops, clock, clock.now() + STEP)


def _has_arrived(sent: Tensor, before: Tensor, target: Tensor) -> bool:
    """Whether it is there or, near it, is let go no further."""
    stuck = _is_at(sent, before, EXACTLY / 10)
    return _is_at(sent, target, EXACTLY) or (stuck and _is_at(sent, target, NEAR))


def _is_at(position: Tensor, target: Tensor, tolerance: float) -> bool:
    return float((position - target).abs().max()) < tolerance


@contextmanager
def _ended_by(number: signal.Signals) -> Generator[None]:
    """Has a signal end the program as an exception does, so that the arm is parked."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(number, end)
    except ValueError:  # not in the main thread, which alone may
        yield
        return
    try:
        yield
    finally:
        signal.signal(number, before)
