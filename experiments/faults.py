"""What the arm does when something goes wrong: every fault, how soon it is noticed, what is said.

    python experiments/faults.py

A virtual arm is driven while a fault happens: in lockstep, where time is the servos' own, and where
a process is ended, at real time. Rows go to docs/results/faults/results.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.results import Row, command, machine, results_file, write_rows  # noqa: E402
from robot.arm_description import load_arm  # noqa: E402
from robot.arm_errors import ArmError  # noqa: E402
from robot.arm_session import park  # noqa: E402
from robot.dynamixel.arm import DynamixelArm  # noqa: E402
from robot.servo_loop import RATE, ServoLoop  # noqa: E402
from robot.virtual.arm import VirtualArm  # noqa: E402
from robot.virtual.clock import LockstepClock  # noqa: E402
from robot.virtual.faults import ServoFault, WireFault  # noqa: E402
from robot.virtual.served import served  # noqa: E402
from robot.virtual.world import VirtualWorld  # noqa: E402

ARM = "viperx300s"
RESTING = 0.3  # rad/s: a joint that is slower does not move
SOON = 2.0  # s in which a fault has to be noticed
AFTER = 20.0  # s that are looked at after a process was ended


@dataclass(frozen=True)
class Reaction:
    """What an arm did.

    Attributes:
        fault: its name.
        seconds: until it was noticed; for a process that is gone, until no joint moved.
        said: the sentence that a person reads.
        held: rad, the most that joints which still had torque moved in a second, from 0.3 s after
            it was noticed.
        excess: rad beyond a joint's limits, at most.
        rest: rad, how far from its rest the furthest joint that can be driven was in the end.
    """

    fault: str
    seconds: float
    said: str
    held: float
    excess: float
    rest: float


@dataclass
class Driven:
    """A virtual arm in the middle of a movement, and what drives it."""

    world: VirtualWorld
    clock: LockstepClock
    loop: ServoLoop

    def idle(self, seconds: float) -> None:
        """Nothing is measured or sent for so long."""
        self.loop.end()
        self.clock.sleep(seconds)
        self.loop.start()

    def joints(self) -> torch.Tensor:
        """Where they really are, rad ``[J]``."""
        return self.world.ask("world").joint_position[0]


Cause = Callable[[Driven], None]


def servo(number: int, kind: str) -> Cause:
    """A fault of a servo."""
    return lambda driven: driven.world.ask("suffer", ServoFault(number, kind))  # pyright: ignore


def wire(**fault: float) -> Cause:
    """A fault of the wire."""
    return lambda driven: driven.world.ask("suffer", WireFault(**fault))


def commanded(joint: int, value: float) -> Cause:
    """A command that is none."""

    def cause(driven: Driven) -> None:
        target = driven.loop.sent.clone()
        target[joint] = value
        driven.loop.follow(target, 0.1)

    return cause


# What happens, and the joints that have no torque after it.
FAULTS: dict[str, tuple[Cause, tuple[int, ...]]] = {
    "dead servo": (servo(7, "dead"), (4,)),
    "dead servo of a pair": (servo(2, "dead"), ()),
    "overload": (servo(7, "overloaded"), (4,)),
    "overheated": (servo(6, "overheated"), (3,)),
    "too warm": (servo(6, "warm"), ()),
    "brown-out": (servo(4, "brown_out"), ()),
    "reset servo": (servo(7, "reset"), (4,)),
    "corrupted bytes, 0.3 %": (wire(corrupted=0.003), ()),
    "corrupted bytes, all": (wire(corrupted=1.0), ()),
    "nothing arrives": (wire(dropped=1.0), ()),
    "late replies": (wire(late=0.2), ()),
    "unplugged port": (lambda driven: driven.world.ask("unplug"), ()),
    "NaN command": (commanded(1, math.nan), ()),
    "jumping command": (commanded(1, 2.0), ()),
    "command out of limits": (commanded(-1, 0.3), ()),
    "stale policy": (lambda driven: None, ()),
    "busy machine": (lambda driven: driven.idle(0.5), ()),
}

LIMITS = {
    "range": "the range of a joint",
    "speed": "the fastest speed",
    "acceleration": "the fastest change of speed",
    "surroundings": "the table, the workspace or the arm itself",
}
SIGNALS = {
    "host killed with -9": signal.SIGKILL,
    "asked to end": signal.SIGTERM,
    "Ctrl-C": signal.SIGINT,
}


def react(name: str) -> Reaction:
    """Lets a fault happen in the middle of a movement, in lockstep, and looks on."""
    cause, limp = FAULTS[name]
    with served(VirtualArm(ARM)) as virtual:
        world, clock = virtual.world, virtual.clock
        world.ask("pose", load_arm(ARM).home, 0.05)
        driver = virtual.driver(ARM)
        driver.connect()
        loop = ServoLoop(driver, clock=clock)
        loop.begin()
        loop.start()
        driven = Driven(world, clock, loop)
        for i in range(8):
            _wave(loop, i)
            loop.until(clock.now() + 0.1)
        _wave(loop, 8)
        begun = clock.now()
        said, excess = _suffer(driven, cause, waving=name != "stale policy")
        seconds = clock.now() - begun
        held_at = driven.joints()
        for i in range(65):
            held_at = driven.joints() if i == 15 else held_at  # it has come to rest
            clock.sleep(1 / RATE)
            excess = max(excess, _excess(driven.joints()))
        off = _apart(driven.joints(), held_at, limp)
        with contextlib.suppress(ArmError):
            park(loop, clock)
        rest = _apart(driven.joints(), torch.tensor(load_arm(ARM).sleep), limp)
        loop.end()
        driver.close()
    return Reaction(name, seconds if said else math.nan, said, off, excess, rest)


def _suffer(driven: Driven, cause: Cause, waving: bool) -> tuple[str, float]:
    """Has it happen; what is said, and by how much a joint left its limits until then."""
    excess, loop = 0.0, driven.loop
    try:
        driven.clock.sleep(0.001)
        cause(driven)
        if loop.guard.limited:
            return f"a command is held back by {LIMITS[loop.guard.limited]}", excess
        for i in range(9, 9 + round(SOON / 0.1)):
            if waving:
                _wave(loop, i)
            for _ in range(5):
                driven.clock.sleep(1 / RATE)
                excess = max(excess, _excess(driven.joints()))
                loop.check()
            if loop.stale:
                return "no command has come: it holds", excess
    except ArmError as error:
        return str(error), excess
    return "", excess


def end(name: str) -> Reaction:
    """Ends the process that drives an arm, while it does, at real time; looks on."""
    number = SIGNALS[name]
    sleep = torch.tensor(load_arm(ARM).sleep)
    with served(VirtualArm(ARM), lockstep=False) as virtual:
        port, world = virtual.port, virtual.world
        world.ask("pose", sleep.tolist(), 0.05)
        time.sleep(1.0)  # without torque it settles
        lying = world.ask("world").joint_position[0]
        words = [sys.executable, "-m", "robot", "home", "--arm", ARM, "--port", port]
        process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

        def joints() -> torch.Tensor:
            return world.ask("world").joint_position[0]

        while _apart(joints(), lying) < 0.4:  # on its way home
            if process.poll() is not None:
                raise RuntimeError(f"the arm was not driven: {process.communicate()[0]}")
            time.sleep(0.01)
        process.send_signal(number)
        begun = moved = time.monotonic()
        excess, last = 0.0, joints()
        while (now := time.monotonic()) < begun + AFTER and (
            process.poll() is None or now < begun + 1.0
        ):
            time.sleep(0.01)
            here = joints()
            if _apart(here, last) > 0.01 * RESTING:
                moved = now
            last = here
            if _apart(here, lying) > 0.15:  # it settles when torque goes
                excess = max(excess, _excess(here))
        said = process.communicate(timeout=30)[0].strip().splitlines()
        status = process.returncode
        driver = DynamixelArm(port, ARM)
        driver.bus.open()
        torque = [driver.bus.read(s.id, "Torque Enable") for s in driver.wiring.servos]
        driver.bus.close()
        held = "torque is on" if all(torque) else "torque is off" if not any(torque) else "?"
        rest = _apart(joints(), lying)
    what = f"exit status {status}, {held}" + (f": {said[-1]}" if said else "")
    return Reaction(name, moved - begun, what, math.nan, excess, rest)


def _apart(one: torch.Tensor, other: torch.Tensor, limp: tuple[int, ...] = ()) -> float:
    """How far apart the furthest joint is, those that are limp left out, rad."""
    off = (one - other).abs()
    off[list(limp)] = 0.0
    return float(off.max())


def _wave(loop: ServoLoop, i: int) -> None:
    target = loop.sent.clone()
    target[0] = 0.3 * math.sin(0.5 * i)
    target[3] = 0.2 * math.sin(0.5 * i)
    loop.follow(target, 0.1)


def _excess(joints: torch.Tensor) -> float:
    """By how much a joint is beyond its limits, rad."""
    arm = load_arm(ARM)
    low, high = torch.tensor(arm.action_low[:-1]), torch.tensor(arm.action_high[:-1])
    return float(torch.maximum(low - joints, joints - high).max().clamp(min=0))


def main() -> None:
    """Lets everything happen; a row each, and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", choices=[*FAULTS, *SIGNALS], action="append")
    args = parser.parse_args()
    torch.set_num_threads(1)
    shared = {"task": "arm", "seed": 0, "command": command(), **machine()}
    rows: list[Row] = []
    for name in args.fault or [*FAULTS, *SIGNALS]:
        reaction = react(name) if name in FAULTS else end(name)
        print(reaction, flush=True)
        found = {k: v for k, v in asdict(reaction).items() if v == v}  # nan is no JSON
        rows.append({"method": name, **found, **shared})
    write_rows(results_file("faults"), rows)
    print("RESULT", json.dumps({row["method"]: row.get("seconds") for row in rows}))


if __name__ == "__main__":
    main()
