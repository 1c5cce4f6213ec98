"""Keeps what ``predict`` predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from lightning.pytorch.utilities import rank_zero_info


class PredictionWriter(BasePredictionWriter):
    """Writes the action chunks of the held-out windows, in order of time, into the run's folder.

    ``predictions.pt`` holds a tensor ``[windows, Tp, A]`` in real units; under several processes
    each writes its share, ``predictions-<rank>.pt``.
    """

    def __init__(self) -> None:
        super().__init__(write_interval="epoch")

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        """Writes the file and says where it is."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        share = f"-{trainer.global_rank}" if trainer.world_size > 1 else ""
        path = folder / f"predictions{share}.pt"
        torch.save(torch.cat(list(predictions)).cpu(), path)
        rank_zero_info(f"predicted chunks: {path}")
