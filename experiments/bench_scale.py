"""What an iteration costs, and what more workers would make of it.

    python experiments/bench_scale.py            # an iteration of each learner: minutes
    python experiments/bench_scale.py --write    # and into docs/scale.md

Measured in CPU seconds of one thread, at the settings of configs/pick_banana/curriculum.yaml and
configs/bumped_camera/lifetime_gradient.yaml: an attempt made by a worker, the same unpickled, its
bytes, what is learnt from an iteration, the bytes of the policy that is sent out. All else is the
model of ``Costs.iteration_s``.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from matplotlib.figure import Figure
from typing_extensions import override

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from callbacks import RolloutCollection  # noqa: E402
from callbacks.attempts import attempt  # noqa: E402
from callbacks.ray_attempts import shippable  # noqa: E402
from datamodules import BumpedCamera, PickBanana, Rollouts  # noqa: E402
from experiments.results import (  # noqa: E402
    Row,
    command,
    machine,
    replace_between,
    results_file,
    write_rows,
)
from lightning_modules import LifetimeGradient, PolicyGradient, Stitching  # noqa: E402
from lightning_modules.diffusion import Exploration  # noqa: E402

DOCUMENT = ROOT / "docs" / "scale.md"
RESULTS = results_file("scale")
SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"
# Bytes a second that reach the learner: a network of 10 Gbit/s.
BANDWIDTH = 1.25e9
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
# The largest group that still leaves each of 1,000 workers one: fewer arms cost more an attempt.
ARMS = (128, 16)
REPEATS = 8


@dataclass(frozen=True)
class Costs:
    """Of one learner, CPU seconds of one core.

    Attributes:
        attempts: of an iteration.
        arms: that a worker steps together.
        attempt_s: an attempt that is made so.
        receive_s: unpickling one.
        attempt_bytes: of what is sent back of one.
        learn_s: learning from an iteration.
        learns_from_all: whether that grows with the attempts. Stitching puts together as many
            lifetimes from however many.
        policy_bytes: of what is sent to a worker.
    """

    attempts: int
    arms: int
    attempt_s: float
    receive_s: float
    attempt_bytes: float
    learn_s: float
    learns_from_all: bool
    policy_bytes: float

    def iteration_s(self, workers: int, times: float = 1.0) -> float:
        """Seconds of an iteration of ``times`` as many attempts; workers wait while it is learnt.

        A worker makes whole groups of ``arms``. What is sent goes through the learner's network
        one after the other, and the policy to each worker by itself.
        """
        attempts = self.attempts * times
        rounds = math.ceil(math.ceil(attempts / self.arms) / workers)
        busy = min(workers, math.ceil(attempts / self.arms))
        moved = attempts * self.attempt_bytes + busy * self.policy_bytes
        receiving = attempts * self.receive_s + moved / BANDWIDTH
        learning = self.learn_s * (times if self.learns_from_all else 1.0)
        return rounds * self.arms * self.attempt_s + receiving + learning

    def rate(self, workers: int, times: float = 1.0) -> float:
        """Attempts a second."""
        return self.attempts * times / self.iteration_s(workers, times)

    def most(self, times: float = 1.0) -> float:
        """Attempts a second of however many workers: what the learner can take."""
        attempts = self.attempts * times
        sent = self.receive_s + self.attempt_bytes / BANDWIDTH
        learning = self.learn_s * (times if self.learns_from_all else 1.0)
        return attempts / (attempts * sent + learning)


@dataclass(frozen=True)
class Learner:
    """One whose iterations are measured.

    Attributes:
        name: in tables.
        task: makes its task.
        module: makes it.
        attempts: of an iteration.
        collected: in the iterations whose learning is timed; fewer where that takes no longer for
            more.
    """

    name: str
    task: Callable[[], Any]
    module: Callable[[Any], Any]
    attempts: int
    collected: int

    @property
    def learns_from_all(self) -> bool:
        """Whether learning grows with the attempts."""
        return self.collected == self.attempts


def policy_gradient(task: Any) -> PolicyGradient:
    """That of the curriculum."""
    return PolicyGradient(task.spec, beachhead=SKILL)


def lifetime_gradient(task: Any) -> LifetimeGradient:
    """That of lifetimes; what it costs does not depend on what it knows."""
    exploration = Exploration(0.01, temperature=4.0, final_temperature=2.0, iterations=4)
    return LifetimeGradient(
        task.spec, objective=Stitching(), common_noise=64, exploration=exploration
    )


LEARNERS = {
    "attempts": Learner(
        "PolicyGradient, PickBanana",
        lambda: PickBanana("table", {"rollouts": Rollouts()}),
        policy_gradient,
        attempts=256,
        collected=256,
    ),
    "lifetimes": Learner(
        "LifetimeGradient, BumpedCamera",
        lambda: BumpedCamera("wide", {"rollouts": Rollouts(150, 4)}),
        lifetime_gradient,
        attempts=1024,
        collected=128,
    ),
}


def main() -> None:
    """Measures, prints and, where asked to, writes."""
    parser = argparse.ArgumentParser(description="What an iteration costs, with more workers.")
    parser.add_argument("--write", action="store_true", help="update docs/scale.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    rows: list[Row] = []
    for method, learner in LEARNERS.items():
        torch.manual_seed(0)
        for costs in measure(learner):
            head = {"task": "scale", "method": method, "seed": 0, "command": command()}
            rows.append({**head, **machine(), "machine/load": load, **asdict(costs)})
    print(cost_table(rows))
    print(worker_table(rows))
    if args.write:
        write_rows(RESULTS, rows, identity=("method", "arms"))
        replace_between(DOCUMENT, "costs", cost_table(rows))
        replace_between(DOCUMENT, "workers", worker_table(rows))
        figure(rows).savefig(RESULTS.with_name("scale.png"), dpi=110)


def measure(learner: Learner) -> list[Costs]:
    """All costs of a learner at each number of arms, in CPU seconds of one thread."""
    task = learner.task()
    module = learner.module(task)
    learn_s = learning_s(learner, task, module)
    policy = io.BytesIO()
    torch.save(shippable(module), policy)
    found: list[Costs] = []
    for arms in ARMS:
        made = max(arms, module.common_noise)
        phi = task.phi_set.sample(made, torch.Generator().manual_seed(0))
        environment = task.environment(made, task.seed, 1)
        begun = time.process_time()
        (group,) = attempt(environment, module, True, phi, module.shots, 1)
        attempt_s = (time.process_time() - begun) / made
        environment.close()
        packed = pickle.dumps((group.attempts, group.decisions))
        begun = time.process_time()
        for _ in range(REPEATS):
            pickle.loads(packed)
        costs = Costs(
            attempts=learner.attempts,
            arms=made,
            attempt_s=attempt_s,
            receive_s=(time.process_time() - begun) / REPEATS / made,
            attempt_bytes=len(packed) / made,
            learn_s=learn_s,
            learns_from_all=learner.learns_from_all,
            policy_bytes=policy.getbuffer().nbytes,
        )
        found.append(costs)
    return found


def learning_s(learner: Learner, task: Any, module: Any) -> float:
    """CPU seconds of what is learnt from an iteration."""
    clock = Clock()
    collection = RolloutCollection(learner.collected, num_envs=128, environments=1)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[collection, clock],
    )
    trainer.fit(module, task)
    return clock.learnt


class Clock(Callback):
    """CPU seconds between the attempts of an iteration and its end."""

    def __init__(self) -> None:
        self.learnt = self._begun = 0.0

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """The last of the callbacks: the others have collected."""
        self._begun = time.process_time()

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Notes what learning took."""
        self.learnt = time.process_time() - self._begun


def costs_of(row: Row) -> Costs:
    """From a row of results."""
    return Costs(**{name: row[name] for name in Costs.__dataclass_fields__})


def cost_table(rows: Sequence[Row]) -> str:
    """What was measured."""
    names = [f"{LEARNERS[row['method']].name}, {row['arms']} arms" for row in rows]
    lines = ["| | " + " | ".join(names) + " |", "|---" + "|---:" * len(rows) + "|"]
    for name, text in (
        ("attempts of an iteration", lambda c: f"{c.attempts:,}"),
        ("attempts/s of a worker, one core", lambda c: f"{1 / c.attempt_s:.1f}"),
        ("KiB sent back of an attempt", lambda c: f"{c.attempt_bytes / 1024:.1f}"),
        ("ms to unpickle an attempt", lambda c: f"{1e3 * c.receive_s:.3f}"),
        ("s to learn from an iteration, one core", lambda c: f"{c.learn_s:.1f}"),
        ("MiB sent to a worker", lambda c: f"{c.policy_bytes / 2**20:.1f}"),
        ("attempts/s that the learner can take", lambda c: f"{c.most():,.0f}"),
        ("workers that make as many", lambda c: f"{c.most() * c.attempt_s:.0f}"),
        ("of ten times the attempts", lambda c: f"{c.most(10) * c.attempt_s:.0f}"),
    ):
        lines.append("| " + " | ".join([name, *(text(costs_of(row)) for row in rows)]) + " |")
    return "\n".join(lines)


def worker_table(rows: Sequence[Row]) -> str:
    """Attempts a second by workers: as the config has it, and with ten times the attempts."""
    shown = [
        (row, times) for row in rows for times in (1, 10) if row["arms"] == min_arms(rows, row)
    ]
    names = [
        f"{LEARNERS[row['method']].name}, {row['attempts'] * times:,} an iteration"
        for row, times in shown
    ]
    lines = ["| workers | " + " | ".join(names) + " |", "|---:" * (len(shown) + 1) + "|"]
    for workers in WORKERS:
        rates = [f"{costs_of(row).rate(workers, times):,.0f}" for row, times in shown]
        lines.append("| " + " | ".join([f"{workers:,}", *rates]) + " |")
    return "\n".join(lines)


def min_arms(rows: Sequence[Row], row: Row) -> int:
    """The fewest arms of a worker that were measured with a learner."""
    return min(other["arms"] for other in rows if other["method"] == row["method"])


def figure(rows: Sequence[Row]) -> Figure:
    """Attempts a second by workers; dashed, what the learner can take."""
    drawn = Figure(figsize=(9.0, 3.6), layout="constrained")
    panels = drawn.subplots(1, len(LEARNERS), squeeze=False)[0]
    for axes, (method, learner) in zip(panels, LEARNERS.items(), strict=True):
        row = next(r for r in rows if r["method"] == method and r["arms"] == min_arms(rows, r))
        costs = costs_of(row)
        for times in (1, 10):
            rates = [costs.rate(workers, times) for workers in WORKERS]
            label = f"{costs.attempts * times:,}"
            (line,) = axes.plot(WORKERS, rates, marker="o", ms=3, label=label)
            axes.axhline(costs.most(times), color=line.get_color(), ls="--", lw=1)
        axes.plot(WORKERS, [w / costs.attempt_s for w in WORKERS], "k:", label="workers alone")
        axes.set(xscale="log", yscale="log", xlabel="workers", title=learner.name)
        axes.set_ylabel("attempts/s")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8, title="attempts an iteration")
    return drawn


if __name__ == "__main__":
    main()
