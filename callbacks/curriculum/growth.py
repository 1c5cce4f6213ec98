"""The curriculum's level growing over the table, as a picture and, at the end, as a film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from PIL import Image
from tensordict import TensorDictBase

from callbacks.curriculum.callback import Curriculum
from callbacks.heatmap import SuccessHeatmap, success_heatmap
from callbacks.pictures import log_figure, log_gif
from callbacks.rollout_observer import EvaluatedRollouts
from robot.phi import PhiSet

LEVEL = "level"


class CurriculumHeatmap(SuccessHeatmap):
    """Logs ``curriculum/heatmap`` after each evaluation and, at the end, ``curriculum/growth``.

    A frame of the film shows the level, and the attempts that were collected. Its
    frames are kept in the run's folder: the film of a run that is resumed in the same folder starts
    at the beginning.

    Args:
        rate: frames per second of the film.
        every_n_epochs: iterations from one frame to the next: one takes a fifth of a second.

    Raises:
        ValueError: if one of them is not above 0.
    """

    def __init__(self, rate: float = 3.0, every_n_epochs: int = 4) -> None:
        if not rate > 0 or every_n_epochs < 1:
            raise ValueError(
                f"rate is {rate}, it must be above 0, and every_n_epochs {every_n_epochs}, at "
                "least 1"
            )
        self.rate = rate
        self.every_n_epochs = every_n_epochs

    def on_rollouts(
        self, trainer: Trainer, pl_module: LightningModule, rollouts: EvaluatedRollouts
    ) -> None:
        """Draws the phi sets, the level and all evaluated episodes."""
        curriculum = Curriculum.among(trainer)
        if curriculum is not None and curriculum.level is not None and trainer.is_global_zero:
            figure = _draw(rollouts.task, curriculum.level, rollouts.episodes)
            log_figure(trainer, "curriculum/heatmap", figure)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draws the frame of an iteration, where one is due."""
        if trainer.current_epoch % self.every_n_epochs:
            return
        curriculum = Curriculum.among(trainer)
        folder = _frames(trainer)
        if curriculum is None or folder is None or not trainer.is_global_zero:
            return
        if curriculum.attempts is None or curriculum.attempted is None:
            return
        task = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        figure = _draw(task, curriculum.attempted, {"attempts": curriculum.attempts})
        figure.suptitle(f"iteration {trainer.current_epoch + 1}")
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{trainer.current_epoch:05d}.png", dpi=figure.dpi)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Makes the film."""
        folder = _frames(trainer)
        if folder is None or not trainer.is_global_zero or not folder.is_dir():
            return
        images = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))]
        size = images[0].size
        frames = np.stack([np.asarray(image.resize(size)) for image in images])
        log_gif(trainer, "curriculum/growth", frames, self.rate)


def _draw(task: Any, level: PhiSet, episodes: Mapping[str, TensorDictBase]) -> Figure:
    """The phi sets, the level and episodes on the table."""
    sets = {**task.phi_sets, LEVEL: level}
    return success_heatmap(task.phi_space, sets, episodes)


def _frames(trainer: Trainer) -> Path | None:
    """Where the frames are kept; nowhere in a run without TensorBoard."""
    loggers: list[Any] = trainer.loggers
    folders = [Path(x.log_dir) for x in loggers if isinstance(x, TensorBoardLogger)]
    return folders[0] / "curriculum" / "frames" if folders else None
