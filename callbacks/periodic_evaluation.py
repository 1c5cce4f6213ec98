"""When a policy is evaluated, on how much, and under which seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

Stage = Literal["validation", "test"]
# What a stage adds to the key of its seeds: other task parameters at each.
STAGE_KEY: dict[Stage, int] = {"validation": 0, "test": 1}


class PeriodicEvaluation(Callback, ABC):
    """Evaluates on little at validation, in some epochs and the last, and on much at test.

    In a ``fast_dev_run``, on one. At the start of the validation epoch: with
    ``EMAWeightAveraging`` listed before it, the averaged weights are in place there.

    Attributes:
        every_n_epochs: validations in other epochs evaluate nothing, but in the last one.
        amount: how many at each stage.
        seed: of the evaluation, independent of the run's, so that runs are compared on the same
            task parameters.
    """

    def __init__(self, every_n_epochs: int, amount: dict[Stage, int], seed: int) -> None:
        self.every_n_epochs = every_n_epochs
        self.amount = amount
        self.seed = seed

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluates where it is due; a stage of its own always is."""
        epoch = trainer.current_epoch + 1
        due = epoch % self.every_n_epochs == 0 or epoch == trainer.max_epochs
        if not trainer.sanity_checking and (due or trainer.state.fn != "fit"):
            self._run(trainer, pl_module, "validation")

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluates."""
        self._run(trainer, pl_module, "test")

    # Plain no_grad: Lightning validates in inference mode, whose tensors an environment that
    # outlives it could not update in place.
    @torch.inference_mode(False)
    @torch.no_grad()
    def _run(self, trainer: Trainer, module: LightningModule, stage: Stage) -> None:
        fast: bool = trainer.fast_dev_run  # pyright: ignore[reportAttributeAccessIssue]
        self.evaluate(trainer, module, stage, trainer.world_size if fast else self.amount[stage])

    @abstractmethod
    def evaluate(self, trainer: Trainer, module: LightningModule, stage: Stage, n: int) -> None:
        """Evaluates on ``n`` task parameters, all ranks together, and logs what it finds."""
