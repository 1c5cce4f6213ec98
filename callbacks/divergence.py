"""Stops a run whose updates explode, and keeps what made them explode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.optim import Optimizer


class DivergenceGuard(Callback):
    """Ends the run before a gradient that is not finite, or huge, reaches the weights.

    The batch, the step and the gradient's norm are saved as ``diverged.pt`` in the run's folder;
    checkpoints that are there stay as they are.

    Args:
        largest: norm of the gradient from which on it is taken for an explosion.

    Raises:
        ValueError: if that is not above 0.
    """

    def __init__(self, largest: float = 1e4) -> None:
        if not largest > 0:
            raise ValueError(f"largest is {largest}, it must be above 0")
        self.largest = largest
        self._batch: Any = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remembers what the next gradient is made from."""
        self._batch = batch

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Looks at the gradient.

        Raises:
            RuntimeError: if it is not finite, or too large.
        """
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        if norm <= self.largest:
            return
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        path = folder / "diverged.pt"
        if trainer.is_global_zero:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save({"batch": self._batch, "step": trainer.global_step, "norm": norm}, path)
        raise RuntimeError(
            f"the gradient's norm is {norm:g} at step {trainer.global_step}, more than "
            f"{self.largest:g}: the run stops before it spoils the weights; the batch is in {path}"
        )
