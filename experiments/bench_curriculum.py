"""Collecting and learning, in environment steps a second, against raw physics; and its memory.

    python experiments/bench_curriculum.py            # 40 iterations, twice: some five minutes
    python experiments/bench_curriculum.py --write    # and into docs/performance.md

Trains with the settings and callbacks of configs/pick_banana/curriculum.yaml, but for evaluations,
by the clock on the wall, from two starts: random weights, whose attempts last to the time limit,
and a committed policy, whose attempts end early and which goes through rings. The floor is
``mj_step`` from states that such attempts go through, on all cores at the same time: what physics
would take if nothing else were done. Beside it stands what the cores would do if each were as fast
as one that is alone.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from callbacks import (  # noqa: E402
    BoundaryExpansion,
    Curriculum,
    CurriculumHeatmap,
    DivergenceGuard,
    RolloutCollection,
)
from datamodules import PickBanana, Rollouts  # noqa: E402
from experiments.bench_simulation import raw_steps  # noqa: E402
from experiments.results import (  # noqa: E402
    Row,
    command,
    machine,
    replace_between,
    results_file,
    write_rows,
)
from lightning_modules import PolicyGradient  # noqa: E402
from lightning_modules.exploring_policy import ExploringPolicy  # noqa: E402
from robot.rollout import rollout  # noqa: E402
from robot.simulation.environment import SimulatedArmEnv  # noqa: E402

DOCUMENT = ROOT / "docs" / "performance.md"
MIB = 1_048_576
# By method of the row.
STARTS = {
    "curriculum": None,
    "curriculum_trained": "docs/results/curriculum/checkpoints/curriculum-0.ckpt",
}
LABELS = {"curriculum": "random weights", "curriculum_trained": "a trained policy"}


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
    rows: list[Row] = []
    for method, start in STARTS.items():
        torch.manual_seed(0)
        head = {"task": "pick_banana", "method": method, "seed": 0, "command": command()}
        rows.append({**head, **machine(), "machine/load": load, **measure(args.iterations, start)})
    print(markdown(rows))
    if args.write:
        write_rows(results_file("performance"), rows)
        replace_between(DOCUMENT, "curriculum", markdown(rows))


def measure(iterations: int, start: str | None) -> dict[str, float]:
    """Steps a second of both, shares of an iteration, and memory as the run goes on."""
    task = PickBanana(phi_set="point", sources={"rollouts": Rollouts()})
    clock = Clock()
    folder = tempfile.TemporaryDirectory()
    trainer = Trainer(
        max_epochs=iterations,
        accelerator="cpu",
        logger=TensorBoardLogger(folder.name),
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            EMAWeightAveraging(decay=0.95, use_buffers=False),
            Curriculum(BoundaryExpansion(widen=0.6, attempts=24)),
            RolloutCollection(),
            DivergenceGuard(collapse=0.0),
            CurriculumHeatmap(),
            ModelCheckpoint(save_last=True),
            clock,
        ],
    )
    trainer.fit(PolicyGradient(task.spec, beachhead=start), task)
    folder.cleanup()
    # The first iteration allocates.
    whole, collecting = (sum(times[1:]) for times in (clock.whole, clock.collecting))
    steps = clock.steps[-1] - clock.steps[0]
    rate = steps / whole
    floor, alone = (sum(rates) / len(rates) for rates in zip(*clock.floor, strict=True))
    return {
        "curriculum/steps_per_s": rate,
        "curriculum/floor_steps_per_s": floor,
        "curriculum/share_of_floor": rate / floor,
        "curriculum/alone_steps_per_s": alone,
        "curriculum/share_of_alone": rate / alone,
        "curriculum/collecting": collecting / whole,
        "curriculum/iteration_s": whole / (iterations - 1),
        "curriculum/episodes": 256.0 * iterations,
        "curriculum/memory_mib/half": clock.memory[0],
        "curriculum/memory_mib/last": clock.memory[-1],
        "curriculum/memory_mib/most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


class Clock(Callback):
    """Times iterations, and measures the floor between some of them."""

    def __init__(self) -> None:
        self.whole: list[float] = []
        self.collecting: list[float] = []
        self.floor: list[tuple[float, float]] = []
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
        curriculum = Curriculum.among(trainer)
        assert curriculum is not None
        self.steps.append((collection.robot_s + curriculum.robot_s) * task.spec.rate)
        if (trainer.current_epoch + 1) % (cast("int", trainer.max_epochs) // 2) == 0:
            self.memory.append(in_use_mib())
        if trainer.current_epoch % 10 == 1:
            self.floor.append(floor(task, pl_module))
        self._begun = time.perf_counter()


def floor(
    task: PickBanana, module: LightningModule, batch: int = 64, repeats: int = 3
) -> tuple[float, float]:
    """Environment steps a second of ``mj_step``: on all cores at once, and on one, times the cores.

    Args:
        task: whose scene.
        module: the policy whose attempts are gone through, a state at every decision.
        batch: attempts.
        repeats: of each measurement, the best of which counts.
    """
    env = SimulatedArmEnv(task, batch, task.phi_set)
    cores = len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(cores)  # MuJoCo lets go of the interpreter while it steps
    together: list[float] = []
    alone: list[float] = []
    steps: list[int] = []

    def step(arms: Tensor) -> float:
        states = [now["physics"][i] for i in arms.tolist()]
        return float(raw_steps(env, states, now["command"][arms])[0])

    now: dict[str, Any] = {}

    class Watched(ExploringPolicy):
        def __call__(
            self, observations: TensorDictBase, generator: torch.Generator | None = None
        ) -> Tensor:
            asked: Tensor = observations["episode"][:, -1, 0]  # arms at rest cost nothing
            now.update(env.get_extra_state())
            shares = [part for part in asked.tensor_split(cores) if len(part)]
            together.append(min(max(pool.map(step, shares)) for _ in range(repeats)))
            alone.append(min(step(asked) for _ in range(repeats)))
            steps.append(len(asked))
            return super().__call__(observations, generator)

    phi = task.phi_set.sample(batch, torch.Generator().manual_seed(0))
    rollout(env, Watched(module, batch), phi, seed=0)
    env.close()
    pool.shutdown()
    return sum(steps) / sum(together), cores * sum(steps) / sum(alone)


def in_use_mib() -> float:
    """Memory of this process, MiB, without what is free and only kept by the C library."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def markdown(rows: Sequence[Row]) -> str:
    """The table of the document."""
    lines = ["| | " + " | ".join(LABELS[row["method"]] for row in rows) + " |"]
    lines.append("|---" + "|---:" * len(rows) + "|")
    for name, key, form in (
        ("environment steps/s, collecting and learning", "steps_per_s", ",.0f"),
        ("floor: physics alone, on all cores at once", "floor_steps_per_s", ",.0f"),
        ("share of the floor", "share_of_floor", ".2f"),
        ("physics on one core that is alone, times the cores", "alone_steps_per_s", ",.0f"),
        ("share of that", "share_of_alone", ".2f"),
        ("share of an iteration that collecting takes", "collecting", ".2f"),
        ("seconds an iteration (256 episodes)", "iteration_s", ".2f"),
        ("episodes", "episodes", ",.0f"),
        ("memory in use half way, MiB", "memory_mib/half", ".0f"),
        ("memory in use at the end, MiB", "memory_mib/last", ".0f"),
        ("most memory ever, with what the C library keeps, MiB", "memory_mib/most", ".0f"),
    ):
        cells = [format(row[f"curriculum/{key}"], form) for row in rows]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
