"""A moving picture of lifetimes: every attempt beside the one before it."""

from __future__ import annotations

from typing import Literal

import torch
from lightning import LightningModule, Trainer

from callbacks.pictures import log_gif
from callbacks.rollout_observer import EvaluatedRollouts
from callbacks.scene_picture import ScenePicture
from callbacks.video import Frames, framed, mosaic
from robot.simulation.rendering import Renderer


class LifetimeVideo(ScenePicture):
    """Logs ``adaptation/video``: a row a lifetime, an attempt a column, all at the same time.

    Shows lifetimes in which something is found out (a failure first, a success last), if there are
    such.

    Args:
        rows: lifetimes.
        width: of one attempt's view, pixels.
        height: of one attempt's view, pixels.
        without_opengl: see :class:`~callbacks.scene_picture.ScenePicture`.
    """

    def __init__(
        self,
        rows: int = 2,
        width: int = 180,
        height: int = 135,
        without_opengl: Literal["error", "skip"] = "error",
    ) -> None:
        super().__init__(width, height, without_opengl)
        self.rows = rows

    def draw(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        rollouts: EvaluatedRollouts,
        renderer: Renderer,
    ) -> None:
        """Renders the chosen lifetimes at the task's rate."""
        shots = list(rollouts.recordings.values())
        success = torch.stack([shot["success"] for shot in shots], dim=1)  # [N, H]
        longest = max(int(shot["length"].max()) for shot in shots)
        views: list[list[Frames]] = []
        for i in found_out(success)[: self.rows]:
            views.append([])
            for number, shot in enumerate(shots, start=1):
                states = shot["state"][i, : longest + 1]
                frames = renderer.frames(rollouts.task, shot["phi"][i], states)
                views[-1].append(framed(frames, f"shot {number}", bool(shot["success"][i])))
        log_gif(trainer, "adaptation/video", mosaic(views), rollouts.task.spec.rate)


def found_out(success: torch.Tensor) -> list[int]:
    """Lifetimes ``[N, H]`` by what they show: first those that fail first and succeed last."""
    first, last = success[:, 0].long(), success[:, -1].long()
    return (last - first).argsort(descending=True, stable=True).tolist()
