"""What the demonstrations cost: seconds that a person or a script drove the arm."""

from __future__ import annotations

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback


class OperatorTime(Callback):
    """Logs ``time/human_s`` and ``time/scripted_s`` of all demonstrations when training starts.

    A scripted operator's seconds are never called human.
    """

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Adds up over the sources that hold demonstrations."""
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        kept = [getattr(source, "seconds", {}) for source in task.sources.values()]
        for kind in ("human", "scripted"):
            seconds = sum(seconds.get(kind, 0.0) for seconds in kept)
            pl_module.log(f"time/{kind}_s", seconds, rank_zero_only=True, batch_size=1)
