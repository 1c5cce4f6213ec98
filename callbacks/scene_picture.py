"""What the callbacks that render the scene share: a renderer, or a word on why there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from lightning import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from callbacks.rollout_observer import EvaluatedRollouts, RolloutObserver
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.rendering import Renderer


class ScenePicture(RolloutObserver, ABC):
    """Draws something of each evaluation's rollouts with an offscreen renderer.

    Args:
        width: of one view, pixels.
        height: of one view, pixels.
        without_opengl: ``error`` refuses to start where nothing can be rendered; ``skip`` warns
            and goes on without this picture.
    """

    def __init__(
        self,
        width: int = 320,
        height: int = 240,
        without_opengl: Literal["error", "skip"] = "error",
    ) -> None:
        self.width = width
        self.height = height
        self.without_opengl = without_opengl
        self._can_render = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Finds out whether this machine can render, before anything is trained."""
        if not trainer.is_global_zero:
            return
        try:
            Renderer(self.width, self.height).close()
            self._can_render = True
        except NoOpenGLError as error:
            if self.without_opengl == "error":
                raise
            rank_zero_warn(f"{type(self).__name__} is skipped: {error}")

    def on_rollouts(
        self, trainer: Trainer, pl_module: LightningModule, rollouts: EvaluatedRollouts
    ) -> None:
        """Draws on the first rank, whose share of the rollouts is as good as any."""
        if self._can_render:
            with Renderer(self.width, self.height) as renderer:
                self.draw(trainer, pl_module, rollouts, renderer)

    @abstractmethod
    def draw(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        rollouts: EvaluatedRollouts,
        renderer: Renderer,
    ) -> None:
        """Draws and logs the picture."""
