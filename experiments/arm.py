"""What the arm's whole stack does: policy, executor, limits, driver, serial line, virtual servos.

    python experiments/arm.py --study bus
    python experiments/arm.py --study realtime
    python experiments/arm.py --study camera
    python experiments/arm.py --study unattended

``bus``: measurements of nine servos, each followed by a command, as fast as they go.
``realtime``: 100 episodes at real time, an otherwise idle machine, and the same ones in the batched
simulation; how well the servo loop kept its time. ``camera``: episodes in which a camera alone says
where things are, in the servos' own time. ``unattended``: two arms by themselves for half an hour
of theirs, one of which dies half-way. Rows go to docs/results/arm/results.json.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from datamodules import PickBanana, Rollouts  # noqa: E402
from experiments.results import Row, results_file  # noqa: E402
from experiments.studies import Study, run_study  # noqa: E402
from lightning_modules.policy import load_policy  # noqa: E402
from robot.arm_env import ArmEnv  # noqa: E402
from robot.arm_errors import ArmError, BusError  # noqa: E402
from robot.arm_session import arm_session  # noqa: E402
from robot.cameras.tabletop import CameraTabletop  # noqa: E402
from robot.clock import promptly  # noqa: E402
from robot.dynamixel.arm import DynamixelArm  # noqa: E402
from robot.episodes import EpisodeStore  # noqa: E402
from robot.rollout import completed, rollout  # noqa: E402
from robot.servo_loop import LoopStatistics  # noqa: E402
from robot.station import Station  # noqa: E402
from robot.stations import UNHURRIED, Stations  # noqa: E402
from robot.success_rate import SuccessRate  # noqa: E402
from robot.virtual.arm import VirtualArm  # noqa: E402
from robot.virtual.camera import VIEW, VirtualCamera  # noqa: E402
from robot.virtual.faults import ServoFault  # noqa: E402
from robot.virtual.process import virtual_arm  # noqa: E402
from robot.virtual.served import served  # noqa: E402
from robot.virtual.tabletop import VirtualTabletop  # noqa: E402
from robot.virtual.world import VirtualWorld  # noqa: E402

RESULTS = results_file("arm")
EPISODES = {"realtime": 100, "camera": 30}
LEAD = 2  # actions of a chunk that are left when the next is asked for
BUS_SECONDS = 20.0
HALF_HOUR = 1800.0  # s of the arms' time
A_ROUND = 8  # episodes that are asked for at once


def banana() -> PickBanana:
    """The task at its one position."""
    return PickBanana("point", {"rollouts": Rollouts()})


def drawn(task: PickBanana, n: int, seed: int) -> Tensor:
    """Task parameters ``[n, P]``."""
    return task.phi_set.sample(n, torch.Generator().manual_seed(seed))


def skill(seed: int) -> str:
    """The curriculum's policy of a seed."""
    return str(ROOT / f"docs/results/curriculum/checkpoints/curriculum-{seed}.ckpt")


@contextlib.contextmanager
def awake() -> Generator[None]:
    """Keeps all cores from sleeping, by what runs only where nothing else wants to.

    A virtual machine's core that sleeps takes up to milliseconds to wake, which is not the bus.
    """
    spin = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    command = [sys.executable, "-c", spin]
    spinning = [subprocess.Popen(command) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def bus(seed: int) -> Row:
    """A measurement and a command of nine servos, again and again."""
    with awake(), virtual_arm() as port:
        arm = DynamixelArm(port)
        arm.connect()
        promptly()
        here, seconds, missed = arm.read().position, list[float](), 0
        while sum(seconds) < BUS_SECONDS:
            begun = time.monotonic()
            try:
                arm.read()
            except BusError:  # this machine was elsewhere; a servo loop goes on, too
                missed += 1
            arm.command(here)
            seconds.append(time.monotonic() - begun)
        arm.close()
    measured = torch.tensor(seconds, dtype=torch.float64)
    return {
        "bus/rate": 1 / float(measured.mean()),
        "bus/period/p99": float(measured.quantile(0.99)),
        "bus/n": len(measured),
        "bus/missed": missed,
    }


def realtime(seed: int) -> Row:
    """The servos in a process of their own, at real time."""
    task, n = banana(), EPISODES["realtime"]
    phi = drawn(task, n, seed)
    with virtual_arm("--task", "pick_banana") as port, arm_session(DynamixelArm(port)) as loop:
        table = VirtualTabletop(VirtualWorld(port), task)
        env = ArmEnv(task, [Station(loop, table)], task.phi_set)
        driven = rollout(env, load_policy(skill(seed)), phi, seed, lead=LEAD)
        statistics = loop.statistics
    batched = task.environment(n)
    same = rollout(batched, load_policy(skill(seed)), phi, seed, lead=LEAD)
    batched.close()
    figure_of(statistics).savefig(RESULTS.with_name("loop.png"), dpi=110)
    return {
        **SuccessRate.of(completed(driven)["success"]).metrics("success/point"),
        **SuccessRate.of(same["success"]).metrics("simulated/success/point"),
        "aborted": int(driven["aborted"].sum()),
        "loop/minutes": sum(statistics.periods) / 60,
        **statistics.metrics(),
    }


def figure_of(statistics: LoopStatistics) -> Figure:
    """How far each period was from what it should be."""
    off = 1000 * (torch.tensor(statistics.periods, dtype=torch.float64) - statistics.period)
    drawn_figure = Figure(figsize=(9, 3.2), layout="constrained")
    over, spread = drawn_figure.subplots(1, 2, width_ratios=(2, 1))
    over.plot(torch.tensor(statistics.periods).cumsum(0) / 60, off, ",", color="C0")
    over.set(xlabel="minutes", ylabel="period - 20 ms, ms")
    spread.hist(off.clamp(-10, 10), bins=101, log=True, color="C0")
    spread.set(xlabel="period - 20 ms, ms (beyond 10: at 10)", ylabel="cycles")
    for axes in (over, spread):
        axes.grid(alpha=0.3)
    return drawn_figure


def camera(seed: int) -> Row:
    """What a camera sees is all that is known; its pictures are noisy."""
    task, off = banana(), list[float]()
    phi = drawn(task, EPISODES["camera"], seed)
    with served(VirtualArm(task=task)) as virtual:
        world, clock = virtual.world, virtual.clock
        arm = DynamixelArm(virtual.port, clock=clock, patience=UNHURRIED)
        eye = VirtualCamera(world, clock, seed=seed)
        table = CameraTabletop(
            eye, VIEW, task, arm.description, lambda phi: world.ask("reset", phi)
        )
        observe = table.observe

        def look(state: object) -> None:
            observe(state)  # pyright: ignore[reportArgumentType]
            true = world.ask("world").object_position[0, 0]
            off.append(float((table.objects().position[0, 0] - true).norm()))

        table.observe = look
        with arm_session(arm, clock=clock) as loop:
            env = ArmEnv(task, [Station(loop, table)], task.phi_set, clock=clock)
            made = rollout(env, load_policy(skill(seed)), phi, seed)
        eye.close()
    errors = torch.tensor(off)
    return {
        **SuccessRate.of(completed(made)["success"]).metrics("success/point"),
        "position_error/p50": float(errors.median()),
        "position_error/p99": float(errors.quantile(0.99)),
    }


def unattended(seed: int) -> Row:
    """Two arms collect, and put things in place, until half an hour of their time is over."""
    task = PickBanana("near", {"rollouts": Rollouts()})
    policy = load_policy(skill(seed))
    with contextlib.ExitStack() as opened:
        arms = [opened.enter_context(served(VirtualArm(task=task))) for _ in range(2)]
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        episodes = str(Path(folder) / "episodes")
        ports = [arm.port for arm in arms]
        stations = Stations(ports, clock="lockstep", episodes=episodes, self_reset=True)
        env = stations.environment(task, task.phi_set, seed)
        rounds, died = list[Tensor](), 0.0
        while env.clock.now() < HALF_HOUR:
            if not died and env.clock.now() > HALF_HOUR / 2:
                arms[1].world.ask("suffer", ServoFault(7, "dead"))
                died = env.clock.now()
            made = rollout(env, policy, drawn(task, A_ROUND, seed + len(rounds)), seed)
            rounds.append(completed(made)["success"])
            print(f"{env.clock.now():.0f} s {stations.metrics()}", flush=True)
        kept = len(EpisodeStore.open(episodes))
        metrics = stations.metrics()
        minutes = env.clock.now() / 60
        with contextlib.suppress(ArmError):  # of the one that has died
            stations.close()
    return {
        **SuccessRate.of(torch.cat(rounds)).metrics("success/near"),
        **{f"arms/{name}": value for name, value in metrics.items()},
        "arms/minutes": minutes,
        "arms/died_at_minute": died / 60,
        "kept": kept,
    }


STUDIES: dict[str, Study] = {
    "bus": bus,
    "realtime": realtime,
    "camera": camera,
    "unattended": unattended,
}


if __name__ == "__main__":
    run_study(STUDIES, RESULTS, __doc__)
