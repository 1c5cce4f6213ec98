"""Collecting and learning, in environment steps a second, against raw physics; and its memory.

    python experiments/bench_curriculum.py            # 40 iterations: 10,000 episodes, minutes
    python experiments/bench_curriculum.py --write    # and into docs/performance.md

Trains by the settings of configs/pick_banana/curriculum.yaml from random weights, whose attempts
never succeed early and so are the longest, by the clock on the wall. The floor is ``mj_step`` from
states that such attempts go through, on as many cores as there are, each as fast as one alone: what
physics would take if nothing else were done.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from callbacks import BoundaryExpansion, Curriculum, RolloutCollection  # noqa: E402
from callbacks.collection import Explorer  # noqa: E402
from datamodules import PickBanana, Rollouts  # noqa: E402
from experiments.bench_simulation import raw_steps  # noqa: E402
from experiments.results import (  # noqa: E402
    IDENTITY,
    Row,
    command,
    machine,
    replace_between,
    results_file,
    write_rows,
)
from lightning_modules import PolicyGradient  # noqa: E402
from robot.rollout import rollout  # noqa: E402
from robot.simulation.environment import SimulatedArmEnv  # noqa: E402

DOCUMENT = ROOT / "docs" / "performance.md"
PAGE = 1_048_576


def main() -> None:
    """Measures, prints and, where asked to, writes."""
    parser = argparse.ArgumentParser(description="Collecting and learning against raw physics.")
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--write", action="store_true", help="update docs/performance.md")
    args = parser.parse_args()
    if args.iterations < 3:
        parser.error(
            f"--iterations is {args.iterations}, it must be at least 3: the first warms up"
        )
    load = os.getloadavg()[0]
    torch.manual_seed(0)
    row: Row = {
        "task": "pick_banana",
        "method": "curriculum",
        "seed": 0,
        "command": command(),
        **machine(),
        "machine/load": load,
        **measure(args.iterations),
    }
    print(markdown(row))
    if args.write:
        identity = (*IDENTITY, "machine/cpu", "machine/cores")
        write_rows(results_file("performance"), [row], identity=identity)
        replace_between(DOCUMENT, "curriculum", markdown(row))


def measure(iterations: int) -> dict[str, float]:
    """Steps a second of both, shares of an iteration, and memory at the start and the end."""
    task = PickBanana(phi_set="point", sources={"rollouts": Rollouts()})
    clock = Clock()
    trainer = Trainer(
        max_epochs=iterations,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            EMAWeightAveraging(decay=0.99, use_buffers=False),
            Curriculum(BoundaryExpansion()),
            RolloutCollection(),
            clock,
        ],
    )
    trainer.fit(PolicyGradient(task.spec), task)
    # The first iteration allocates.
    whole, collecting = (sum(times[1:]) for times in (clock.whole, clock.collecting))
    steps = clock.steps[-1] - clock.steps[0]
    rate, floor = steps / whole, sum(clock.floor) / len(clock.floor)
    return {
        "curriculum/steps_per_s": rate,
        "curriculum/floor_steps_per_s": floor,
        "curriculum/share_of_floor": rate / floor,
        "curriculum/collecting": collecting / whole,
        "curriculum/iteration_s": whole / (iterations - 1),
        "curriculum/episodes": 256.0 * iterations,
        "curriculum/memory_mib/after_2": clock.memory[1],
        "curriculum/memory_mib/last": clock.memory[-1],
    }


class Clock(Callback):
    """Times iterations, and measures the floor between some of them."""

    def __init__(self) -> None:
        self.whole: list[float] = []
        self.collecting: list[float] = []
        self.floor: list[float] = []
        self.steps: list[float] = []
        self.memory: list[float] = []
        self._begun = 0.0

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last of the callbacks: the others have collected."""
        now = time.perf_counter()
        self.collecting.append(now - self._begun if self._begun else 0.0)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Notes what the iteration took, and measures the floor."""
        self.whole.append(time.perf_counter() - self._begun if self._begun else 0.0)
        collection: Any = next(
            c
            for c in trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]
            if isinstance(c, RolloutCollection)
        )
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        self.steps.append(collection.robot_s * task.spec.rate)
        self.memory.append(resident_mib())
        if trainer.current_epoch % 10 == 1:
            self.floor.append(floor(task, pl_module))
        self._begun = time.perf_counter()


def floor(task: PickBanana, module: LightningModule, batch: int = 32, repeats: int = 3) -> float:
    """Environment steps a second of ``mj_step`` on one core, times the cores.

    Args:
        task: whose scene.
        module: the policy whose attempts are gone through, a state at every decision.
        batch: attempts.
        repeats: of each measurement, the best of which counts.
    """
    env = SimulatedArmEnv(task, batch, task.phi_set)
    seconds: list[float] = []

    class Watched(Explorer):
        def __call__(
            self, observations: TensorDictBase, generator: torch.Generator | None = None
        ) -> Tensor:
            states = env.get_extra_state()["physics"]
            command = env.get_extra_state()["command"]
            times = [float(raw_steps(env, states, command)[1]) for _ in range(repeats)]
            seconds.append(min(times))
            return super().__call__(observations, generator)

    phi = task.phi_set.sample(batch, torch.Generator().manual_seed(0))
    rollout(env, Watched(module), phi, seed=0)
    env.close()
    return len(os.sched_getaffinity(0)) * batch * len(seconds) / sum(seconds)


def resident_mib() -> float:
    """Memory of this process, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / PAGE


def markdown(row: Row) -> str:
    """The table of the document."""
    lines = [
        ("environment steps/s, collecting and learning", f"{row['curriculum/steps_per_s']:,.0f}"),
        ("floor: physics alone on the same cores", f"{row['curriculum/floor_steps_per_s']:,.0f}"),
        ("share of the floor", f"{row['curriculum/share_of_floor']:.2f}"),
        ("share of an iteration that collecting takes", f"{row['curriculum/collecting']:.2f}"),
        ("seconds an iteration (256 episodes)", f"{row['curriculum/iteration_s']:.2f}"),
        ("memory after 512 episodes, MiB", f"{row['curriculum/memory_mib/after_2']:.0f}"),
        (
            f"memory after {row['curriculum/episodes']:,.0f} episodes, MiB",
            f"{row['curriculum/memory_mib/last']:.0f}",
        ),
    ]
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in lines)])


if __name__ == "__main__":
    main()
