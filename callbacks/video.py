"""A moving picture of successes and failures, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Literal

import numpy as np
from lightning import LightningModule, Trainer
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tensordict import TensorDictBase

from callbacks.pictures import log_gif
from callbacks.rollout_observer import EvaluatedRollouts
from callbacks.scene_picture import ScenePicture
from robot.simulation.rendering import Renderer

COLORS = {True: (30, 150, 60), False: (200, 40, 40)}
BORDER = 4  # pixels

Frames = NDArray[np.uint8]


class RolloutVideo(ScenePicture):
    """Logs ``rollout/video``: a row of successes above a row of failures, from all phi sets.

    Args:
        columns: most episodes of each kind.
        width: of one episode's view, pixels.
        height: of one episode's view, pixels.
        without_opengl: see :class:`~callbacks.scene_picture.ScenePicture`.
    """

    def __init__(
        self,
        columns: int = 3,
        width: int = 240,
        height: int = 180,
        without_opengl: Literal["error", "skip"] = "error",
    ) -> None:
        super().__init__(width, height, without_opengl)
        self.columns = columns

    def draw(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        rollouts: EvaluatedRollouts,
        renderer: Renderer,
    ) -> None:
        """Renders the chosen episodes at the task's rate."""
        rows = [choose(rollouts.recordings, kind, self.columns) for kind in (True, False)]
        lengths = [int(rollouts.recordings[name]["length"][i]) for name, i in chain(*rows)]
        views: list[list[Frames]] = []
        for kind, row in zip((True, False), rows, strict=True):
            views.append([])
            for name, i in row:
                recording = rollouts.recordings[name]
                states = recording["state"][i, : max(lengths) + 1]
                frames = renderer.frames(rollouts.task, recording["phi"][i], states)
                views[-1].append(framed(frames, name, kind))
        log_gif(trainer, "rollout/video", mosaic(views), rollouts.task.spec.rate)


def choose(
    recordings: Mapping[str, TensorDictBase], success: bool, n: int
) -> list[tuple[str, int]]:
    """Up to ``n`` episodes with that outcome: one of each phi set, then a second of each, ...

    Returns:
        Name of the phi set and index of the episode in its recording.
    """
    by_set = [
        [(name, int(i)) for i in (episodes["success"] == success).nonzero().squeeze(-1)[:n]]
        for name, episodes in recordings.items()
    ]
    in_turns = chain.from_iterable(zip_longest(*by_set))
    return [episode for episode in in_turns if episode is not None][:n]


def mosaic(rows: list[list[Frames]]) -> Frames:
    """Rows of views ``[T, H, W, 3]`` as one, short rows filled with white; empty rows left out."""
    rows = [row for row in rows if row]
    columns = max(len(row) for row in rows)
    filled = [row + [np.full_like(row[0], 255)] * (columns - len(row)) for row in rows]
    return np.concatenate([np.concatenate(row, axis=2) for row in filled], axis=1)


def framed(frames: Frames, name: str, success: bool) -> Frames:
    """Frames with a coloured border and a caption."""
    caption = f"{name}: {'success' if success else 'failure'}"
    images = [Image.fromarray(frame) for frame in frames]
    for image in images:
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, image.width - 1, image.height - 1), None, COLORS[success], BORDER)
        box = draw.textbbox((BORDER, BORDER), caption)
        draw.rectangle((BORDER, BORDER, box[2] + BORDER, box[3] + BORDER), COLORS[success])
        draw.text((BORDER + 2, BORDER), caption, "white")
    return np.stack([np.asarray(image) for image in images])
