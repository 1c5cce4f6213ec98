"""Teleoperation measured: how soon, how smooth, and what is learnt from it.

    python experiments/teleop.py --study latency
    python experiments/teleop.py --study smoothness
    python experiments/teleop.py --study demonstrations

``latency``: a client on this machine sends a hand sixty times a second, at real time, on an
otherwise idle machine. ``smoothness``: the same motion of a hand, whole and with 5 % of the
messages lost and the others up to 50 ms late, in lockstep. ``demonstrations``: the scripted
operator records over the page's WebSocket at real time, and a policy is cloned from that. Rows go
to docs/results/teleop/results.json.
"""

from __future__ import annotations

import asyncio
import heapq
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.results import Row, results_file  # noqa: E402
from experiments.studies import Study, run_study  # noqa: E402
from robot.arm_session import arm_session, go  # noqa: E402
from robot.clock import Clock, promptly  # noqa: E402
from robot.episodes import EpisodeStore  # noqa: E402
from robot.servo_loop import ServoLoop  # noqa: E402
from robot.teleop.client import connected  # noqa: E402
from robot.teleop.driving import RATE, Driving  # noqa: E402
from robot.teleop.hand_message import HandMessage  # noqa: E402
from robot.teleop.server import TeleopServer  # noqa: E402
from robot.teleop.session import SessionState  # noqa: E402
from robot.virtual.arm import VirtualArm  # noqa: E402
from robot.virtual.process import virtual_arm  # noqa: E402
from robot.virtual.served import served  # noqa: E402

RESULTS = results_file("teleop")
HAND_RATE = 60.0  # Hz
SECONDS = {"latency": 60.0, "smoothness": 6.0}
LOST, LATE = 0.05, 0.05  # share of messages; s
EPISODES = 30
STILL = np.array([1.0, 0.0, 0.0, 0.0])


def swaying(seconds: float) -> np.ndarray:
    """Where a hand that goes to and fro is, ``[3]`` m."""
    phase = 2 * np.pi * 0.4 * seconds
    return np.array([0.05 * np.sin(phase), 0.12 * np.sin(0.7 * phase), 0.04 * np.sin(1.3 * phase)])


class Idle:
    """A session in which nothing but driving happens."""

    def __init__(self, driving: Driving) -> None:
        self.driving = driving
        self.state = SessionState("driving", 0, None)

    def say(self, word: str, notes: str = "") -> None:
        """Nothing."""


def latency(seed: int) -> Row:
    """From the moment a client sends to the moment servos are sent what it became."""
    came: dict[int, float] = {}
    delays: list[float] = []
    with virtual_arm() as port:
        from robot.dynamixel.arm import DynamixelArm

        arm = DynamixelArm(port)
        with arm_session(arm, rate=RATE) as loop:
            go([loop], [arm.description.home_command], loop.clock)
            driving = Driving(loop, loop.clock)
            follow, send, followed = loop.follow, arm.command, list[int]()

            def following(target: torch.Tensor, seconds: float) -> torch.Tensor:
                sent = follow(target, seconds)
                if driving.heard in came:
                    followed.append(driving.heard)
                return sent

            def sending(target: torch.Tensor) -> torch.Tensor:
                sent = send(target)
                now = time.monotonic()
                while followed:
                    if (made := came.pop(followed.pop(), None)) is not None:
                        delays.append(now - made)
                return sent

            loop.follow, arm.command = following, sending
            server = TeleopServer(Idle(driving))  # pyright: ignore[reportArgumentType]
            server.start()
            driving.start()
            promptly()
            asyncio.run(
                _sway(f"http://127.0.0.1:{server.port}/{server.token}/", came, SECONDS["latency"])
            )
            driving.end()
            server.close()
            statistics = loop.statistics.metrics()
    found = torch.tensor(delays, dtype=torch.float64)
    return {
        "delay/p50": float(found.median()),
        "delay/p99": float(found.quantile(0.99)),
        "delay/n": len(found),
        **statistics,
    }


async def _sway(address: str, came: dict[int, float], seconds: float) -> None:
    async with connected(address) as client:
        await client.say(drive=True)
        begun = time.monotonic()
        for i in range(round(seconds * HAND_RATE)):
            await asyncio.sleep(begun + i / HAND_RATE - time.monotonic())
            came[i] = time.monotonic()
            await client.hold(swaying(i / HAND_RATE), STILL, 1.0, held=i > 0)
        await client.hold(swaying(seconds), STILL, 1.0, held=False)


class Line:
    """Brings a hand's messages to a driving, some of them late and some never."""

    def __init__(self, driving: Driving, clock: Clock, worse: bool, seed: int) -> None:
        self._driving, self._clock = driving, clock
        chance, begun = np.random.default_rng(seed), clock.now()
        self._way: list[tuple[float, int]] = []
        for i in range(round(SECONDS["smoothness"] * HAND_RATE)):
            if not (worse and chance.random() < LOST):
                late = LATE * chance.random() if worse else 0.0
                heapq.heappush(self._way, (begun + i / HAND_RATE + late, i))
        self._begun = begun

    def due(self) -> float:
        """When the next one comes."""
        return self._way[0][0] if self._way else float("inf")

    def cycle(self) -> None:
        """It comes."""
        _, i = heapq.heappop(self._way)
        seconds = i / HAND_RATE
        hand = HandMessage(i, self._begun + seconds, i > 0, swaying(seconds), STILL, 1.0)
        self._driving.receive(hand)


def smoothness(seed: int) -> Row:
    """Jerk of the commanded joints, over a line that is good and one that is not."""
    whole, worse = (_driven(bad, seed) for bad in (False, True))
    figure_of(whole, worse).savefig(RESULTS.with_name("smoothness.png"), dpi=110)
    after = round(0.5 * RATE)  # it starts at once, which is a jerk of its own
    jerks = {name: _jerk(path[after:]) for name, path in (("whole", whole), ("worse", worse))}
    return {
        **{f"{name}/jerk/rms": float(np.sqrt((j**2).mean())) for name, j in jerks.items()},
        **{f"{name}/jerk/p99": float(np.quantile(np.abs(j), 0.99)) for name, j in jerks.items()},
        "apart/p99": float(np.quantile(np.abs(whole - worse)[after:], 0.99)),
    }


def _driven(worse: bool, seed: int) -> np.ndarray:
    """The commanded joints, ``[T, J]`` rad, at the servo loop's rate."""
    with served(VirtualArm()) as virtual:
        arm, clock = virtual.driver(), virtual.clock
        virtual.world.ask("pose", arm.description.home, 0.05)
        arm.connect()
        loop = ServoLoop(arm, rate=RATE, clock=clock)
        loop.begin()
        loop.start()
        go([loop], [arm.description.home_command], clock)
        driving = Driving(loop, clock)
        driving.start()
        clock.begin(Line(driving, clock, worse, seed))
        path: list[torch.Tensor] = []
        for _ in range(round(SECONDS["smoothness"] * RATE)):
            clock.sleep(1 / RATE)
            path.append(loop.sent[:-1].clone())
        driving.end()
        loop.end()
        arm.close()
    return torch.stack(path).double().numpy()


def _jerk(path: np.ndarray) -> np.ndarray:
    """rad/s^3 of a path ``[T, J]``, over 50 ms: what a servo and its link can feel."""
    step = round(0.05 * RATE)
    return np.diff(path[::step], n=3, axis=0) / 0.05**3


def figure_of(whole: np.ndarray, worse: np.ndarray) -> Figure:
    """Path and jerk of the joint that moves most."""
    joint = int(np.ptp(whole, axis=0).argmax())
    drawn = Figure(figsize=(9, 4.5), layout="constrained")
    over, jerk = drawn.subplots(2, 1, sharex=True)
    seconds = np.arange(len(whole)) / RATE
    for path, name, color in (
        (whole, "every message, at once", "C0"),
        (worse, f"{LOST:.0%} lost, the others up to {1000 * LATE:.0f} ms late", "C1"),
    ):
        over.plot(seconds, path[:, joint], color=color, label=name)
        felt = _jerk(path)[:, joint]
        jerk.plot(0.05 * np.arange(len(felt)) + 0.1, felt, color=color)
    over.set(ylabel="commanded joint, rad")
    jerk.set(xlabel="s", ylabel="jerk, rad/s³")
    over.legend()
    for axes in (over, jerk):
        axes.grid(alpha=0.3)
    return drawn


def demonstrations(seed: int) -> Row:
    """A policy from episodes that came over the page's WebSocket."""
    path = ROOT / "data" / "teleop" / f"point-{seed}"
    words = ["--virtual", "--operator", "scripted", "--episodes", str(EPISODES), "--page", "0"]
    words += ["--host", "127.0.0.1", "--path", str(path), "--seed", str(seed)]
    subprocess.run([sys.executable, "-m", "robot", "record", *words], cwd=ROOT, check=True)
    store = EpisodeStore.open(path)
    run = ROOT / "runs" / "teleop" / f"point-{seed}"
    source = {"init_args": {"path": str(path.relative_to(ROOT)), "num_episodes": EPISODES}}
    changed = {
        "seed_everything": seed,
        "data": {"init_args": {"seed": seed, "sources": {"demonstrations": source}}},
        "trainer": {"logger": {"init_args": {"name": f"teleop/point-{seed}", "version": ""}}},
    }
    arguments = [
        *training.configs("diffusion_policy", "pick_banana"),
        *training.configure(run, changed),
    ]
    found = training.evaluate(arguments, training.fit(arguments, run))
    infos = [store.info(i) for i in store.ids]
    kept = {key: value for key, value in found.items() if key.startswith("success/")}
    return {
        **kept,
        "demonstrations": len(store),
        "demonstrations/successes": sum(info.success for info in infos),
        "time/scripted_s": sum(info.scripted_s for info in infos),
    }


STUDIES: dict[str, Study] = {
    "latency": latency,
    "smoothness": smoothness,
    "demonstrations": demonstrations,
}


if __name__ == "__main__":
    run_study(STUDIES, RESULTS, __doc__)
