"""Training noise that is a function of the step: resumed equals never interrupted."""

from __future__ import annotations

import os
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from callbacks.seeds import training_seed


class StepSeeds(Callback):
    """Seeds torch before every training batch from (seed, global step, batch, rank).

    Lightning saves no random state. With this callback none is needed: whatever a training step
    draws (noise, denoising steps, dropout) depends on where training is, not on how it got there.
    What runs between steps, such as rollouts, can not shift it either.

    Args:
        seed: left out, the run's own seed (``seed_everything``) is taken.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Takes the run's seed if none was given."""
        if self.seed is None:
            run_seed = os.environ.get("PL_GLOBAL_SEED")
            if run_seed is None:
                raise ValueError("StepSeeds needs a seed: set seed_everything, or its own seed")
            self.seed = int(run_seed)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds this batch; ``batch_idx`` tells accumulated batches of one step apart."""
        assert self.seed is not None
        torch.manual_seed(
            training_seed(self.seed, trainer.global_step, batch_idx, trainer.global_rank)
        )
