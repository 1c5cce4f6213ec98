"""The folder of a run that never started does not stay behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class RunEndedError(RuntimeError):
    """A run that ended itself: no bug, and its message says what to do."""


class LeaveNothingBehind(Callback):
    """Knows when a run has started, and removes the run folder of one that never did."""

    def __init__(self) -> None:
        self.started = False
        self._there_before: set[Path] = set()

    def remember(self, trainer: Trainer) -> None:
        """Notes which of the folders it will write to there are."""
        for folder in _log_folders(trainer):
            paths = (folder, *folder.parents)
            self._there_before |= {path for path in paths if path.exists()}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """From here on, errors are bugs and what was written stays."""
        self.started = True

    on_validation_start = on_test_start = on_predict_start = on_train_start

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Removes the folders that this run has made, never one that was there."""
        if self.started or not trainer.is_global_zero or not self._there_before:
            return
        for logger in trainer.loggers:
            experiment: Any = getattr(logger, "experiment", None)
            if hasattr(experiment, "close"):
                experiment.close()
        for folder in _log_folders(trainer):
            if folder in self._there_before or not folder.is_dir():
                continue
            shutil.rmtree(folder)
            for parent in folder.parents:
                if parent in self._there_before or any(parent.iterdir()):
                    break
                parent.rmdir()


def _log_folders(trainer: Trainer) -> list[Path]:
    folders = (logger.log_dir for logger in trainer.loggers)
    return [Path(folder).resolve() for folder in folders if folder]
