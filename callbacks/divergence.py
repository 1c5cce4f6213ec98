"""Stops a run whose updates explode or whose policy collapses; keeps the batch that exploded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.optim import Optimizer

from run_folder import RunEndedError


class DivergenceGuard(Callback):
    """Ends the run before a gradient that is not finite, or huge, reaches the weights.

    The batch, the step and the gradient's norm are saved as ``diverged.pt`` in the run's folder;
    checkpoints that are there stay as they are. A run whose attempts have succeeded and no longer
    do is ended, too: numbers may all be finite while a policy unlearns what it could.

    Args:
        largest: norm of the gradient from which on it is taken for an explosion.
        collapse: share of the best success of attempts (``collection/success``) under which the
            policy is taken for collapsed; 0 never does.
        patience: iterations in a row that have to be that low.

    Raises:
        ValueError: if one of them is out of range.
    """

    def __init__(self, largest: float = 1e4, collapse: float = 0.1, patience: int = 3) -> None:
        if not largest > 0:
            raise ValueError(f"largest is {largest}, it must be above 0")
        if not 0 <= collapse < 1 or patience < 1:
            raise ValueError(
                f"collapse is {collapse}, it must be in [0, 1), and patience {patience}, at least 1"
            )
        self.largest = largest
        self.collapse = collapse
        self.patience = patience
        self._best = 0.0
        self._low = 0
        self._kept: Path | None = None
        self._batch: Any = None

    def state_dict(self) -> dict[str, Any]:
        """Best success so far, and for how long it has been low."""
        return {"best": self._best, "low": self._low}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`."""
        self._best, self._low = state_dict["best"], state_dict["low"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks at the success of this iteration's attempts, where there are any.

        Raises:
            RunEndedError: if it has been low for too long.
        """
        if (logged := trainer.callback_metrics.get("collection/success")) is None:
            return
        success = float(logged)
        self._best = max(self._best, success)
        self._low = self._low + 1 if success < self.collapse * self._best else 0
        if self._low == 1:
            self._keep(trainer)
        if self._low >= self.patience:
            raise RunEndedError(
                f"success of attempts fell from {self._best:.2f} to {success:.2f} for {self._low} "
                f"iterations: the run stops; go on from {self._kept or 'an earlier checkpoint'} "
                "with a smaller learning_rate or curriculum step"
            )

    def _keep(self, trainer: Trainer) -> None:
        """Copies the last checkpoint, of the iteration before this one, which may be bad."""
        self._kept = None
        for callback in trainer.checkpoint_callbacks:
            last = Path(getattr(callback, "last_model_path", ""))
            if last.is_file():
                self._kept = last.with_name("before_collapse.ckpt")
                if trainer.is_global_zero:
                    shutil.copy(last, self._kept)

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
            RunEndedError: if it is not finite, or too large.
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
        raise RunEndedError(
            f"the gradient's norm is {norm:g} at step {trainer.global_step}, more than "
            f"{self.largest:g}: the run stops before it spoils the weights; the batch is in {path}"
        )
