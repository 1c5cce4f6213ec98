"""How a chunk comes out of noise: the gripper's path at several denoising steps, in the scene."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from lightning import LightningModule, Trainer
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tensordict import TensorDictBase
from torch import Tensor

from callbacks.pictures import log_figure
from callbacks.rollout_observer import EvaluatedRollouts
from callbacks.scene_picture import ScenePicture
from robot.arm_description import ArmDescription
from robot.forward_kinematics import forward_kinematics
from robot.schema import OBSERVATION
from robot.simulation.rendering import Polyline, Renderer

COLORMAP = "cool"  # noise cyan, clean magenta: neither is a colour of the scene


class DenoisingPicture(ScenePicture):
    """Logs ``rollout/denoising`` for one decision of the first recorded episode.

    The path is that of the grasp point if the chunk's joint targets were reached; it starts as
    noise all over the workspace and ends as what the policy does.

    Args:
        paths: at most how many of the chain's x_k are drawn, first and last included.
        width: pixels.
        height: pixels.
        without_opengl: see :class:`~callbacks.scene_picture.ScenePicture`.
    """

    def __init__(
        self,
        paths: int = 6,
        width: int = 640,
        height: int = 480,
        without_opengl: Literal["error", "skip"] = "error",
    ) -> None:
        super().__init__(width, height, without_opengl)
        if paths < 2:
            raise ValueError(f"DenoisingPicture: paths is {paths}, it must be at least 2")
        self.paths = paths

    def draw(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        rollouts: EvaluatedRollouts,
        renderer: Renderer,
    ) -> None:
        """Denoises the second decision anew: by then the arm is on its way."""
        module: Any = pl_module
        recording: Any = rollouts.recordings[rollouts.task.phi_set.name]
        episode = recording[0]
        t = min(module.horizons.action, int(episode["length"]) - 1)
        seen = observations_before(episode, t, module.horizons.observation)
        generator = torch.Generator(module.device).manual_seed(0)
        denoised = module.predict_chain(seen.to(module.device), generator)[:, 0]  # [N + 1, Tp, A]
        drawn = drawn_steps(len(denoised), self.paths)
        progress = np.array(drawn) / (len(denoised) - 1)
        overlay = gripper_paths(rollouts.task.arm, denoised[drawn].cpu(), progress)
        image = renderer.frames(
            rollouts.task, episode["phi"], episode["state"][t : t + 1], overlay
        )[0]
        figure = _with_color_scale(image, module.schedule.num_denoising_steps)
        log_figure(trainer, "rollout/denoising", figure)


def observations_before(episode: Any, t: int, horizon: int) -> TensorDictBase:
    """What a policy saw at step ``t``: ``[1, To]``, the first observation repeated at the start."""
    steps = torch.arange(t - horizon + 1, t + 1).clamp(min=0)
    return episode["trajectory"][OBSERVATION][steps].unsqueeze(0)


def drawn_steps(total: int, n: int) -> list[int]:
    """At most ``n`` of ``total`` indices, the first and the last included.

    They lie closer towards the end: most of the chain still looks like noise.
    """
    left = np.linspace(1, 0, n) ** 2
    return sorted(set(((total - 1) * (1 - left)).round().astype(int).tolist()))


def gripper_paths(
    arm: ArmDescription, chunks: Tensor, progress: NDArray[np.float64]
) -> list[Polyline]:
    """Where chunks ``[n, Tp, A]`` of one chain would take the grasp point.

    ``progress [n]``, 0 for noise and 1 for clean, gives a path its colour and its thickness.
    """
    colors = colormaps[COLORMAP](progress)
    paths, _ = forward_kinematics(arm, chunks[..., :-1].double())  # [n, Tp, 3]
    return [
        Polyline(points, (float(r), float(g), float(b), 1.0), 0.001 + 0.004 * float(done) ** 2)
        for points, done, (r, g, b, _) in zip(paths.numpy(), progress, colors, strict=True)
    ]


def _with_color_scale(image: NDArray[np.uint8], num_denoising_steps: int) -> Figure:
    """The image beside the scale that tells which denoising step a path's colour is."""
    figure = Figure(figsize=(7.4, 5.0), dpi=110, layout="constrained")
    axes: Any = figure.subplots()
    axes.imshow(image)
    axes.axis("off")
    axes.set_title("Grasp point's path while one action chunk is denoised", fontsize=10)
    scale = ScalarMappable(Normalize(0, num_denoising_steps), f"{COLORMAP}_r")
    figure.colorbar(
        scale, ax=axes, label=f"denoising step k ({num_denoising_steps}: noise, 0: clean)"
    )
    return figure
