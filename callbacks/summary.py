"""What a run came to: a table for people, and one line for programs."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console
from rich.table import Table

from callbacks.rollout_observer import EvaluatedRollouts, RolloutObserver
from robot.success_rate import SuccessRate


class Summary(RolloutObserver):
    """Prints the last evaluation when fit, validate or test ends.

    The last line is ``RESULT {json}``: flat, ``success/<phi_set>`` with ``/n``, ``/lo`` and
    ``/hi``, then ``seed``, ``config``, ``wall_s`` and ``cpu_s`` (of this stage, all ranks), and
    ``fit/wall_s`` and ``fit/cpu_s`` (what training the checkpoint took, interruptions excluded; of
    the first rank only where training was resumed).
    """

    def __init__(self) -> None:
        self.rates: dict[str, SuccessRate] = {}
        self.measured: Mapping[str, float] = {}
        self.prefix = "success"
        self.fit_wall_s = 0.0
        self.fit_cpu_s = 0.0
        self._wall_start = 0.0
        self._cpu_start = 0.0
        self._fitting = False

    def state_dict(self) -> dict[str, Any]:
        """What training has taken so far, for those who go on from the checkpoint."""
        wall, cpu = self._since_start() if self._fitting else (0.0, 0.0)
        return {"fit_wall_s": self.fit_wall_s + wall, "fit_cpu_s": self.fit_cpu_s + cpu}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`."""
        self.fit_wall_s = state_dict["fit_wall_s"]
        self.fit_cpu_s = state_dict["fit_cpu_s"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Starts the clocks."""
        self._fitting = stage == "fit"
        self._wall_start = time.monotonic()
        self._cpu_start = time.process_time()

    def on_rollouts(
        self, trainer: Trainer, pl_module: LightningModule, rollouts: EvaluatedRollouts
    ) -> None:
        """Keeps the newest success rates."""
        self.prefix, self.measured = rollouts.prefix, rollouts.measured
        self.rates = {
            name: SuccessRate.of(episodes["success"])
            for name, episodes in rollouts.episodes.items()
        }

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Prints, after the progress bar has left the terminal."""
        wall, cpu = self._since_start()
        cpu = float(
            trainer.strategy.reduce(torch.tensor(cpu, device=pl_module.device), reduce_op="sum")
        )
        if stage == "fit":
            self.fit_wall_s += wall
            self.fit_cpu_s += cpu
        self._fitting = False
        if not self.rates or not trainer.is_global_zero:
            return
        console = Console(width=None if Console().is_terminal else 100)
        console.print(success_table(self.rates, f"Success after {TrainerFn(stage).value}"))
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                console.print(
                    f"Pictures and curves: {_tensorboard()} --logdir {logger.save_dir}",
                    soft_wrap=True,
                )
        result: dict[str, Any] = {}
        for name, rate in self.rates.items():
            result |= rate.metrics(f"{self.prefix}/{name}")
        result |= self.measured
        result |= {"seed": _seed(), "config": _config(trainer), "wall_s": wall, "cpu_s": cpu}
        result |= {"fit/wall_s": self.fit_wall_s, "fit/cpu_s": self.fit_cpu_s}
        print(result_line(result), flush=True)

    def _since_start(self) -> tuple[float, float]:
        return time.monotonic() - self._wall_start, time.process_time() - self._cpu_start


def success_table(rates: dict[str, SuccessRate], title: str) -> Table:
    """Success, number of episodes and interval of every phi set."""
    table = Table(title=title)
    table.add_column("shot" if "shot_1" in rates else "phi set")
    for column in ("success", "episodes", "95 % interval"):
        table.add_column(column, justify="right")
    for name, rate in rates.items():
        low, high = rate.interval
        table.add_row(name, f"{rate.rate:.3f}", str(rate.n), f"{low:.3f} to {high:.3f}")
    return table


def result_line(result: dict[str, Any]) -> str:
    """``RESULT`` and a flat JSON object, floats to six digits."""
    rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in result.items()}
    return f"RESULT {json.dumps(rounded)}"


def _tensorboard() -> Path:
    """The command of this environment, which need not be activated."""
    path = Path(sys.executable).with_name("tensorboard")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _seed() -> int | None:
    seed = os.environ.get("PL_GLOBAL_SEED")
    return None if seed is None else int(seed)


def _config(trainer: Trainer) -> str:
    """The configuration files the run was started with, as they were given."""
    callbacks: list[Any] = trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]
    for callback in callbacks:
        if isinstance(callback, SaveConfigCallback):
            return " ".join(str(path) for path in callback.config.get("config") or [])
    return ""
