"""Where on the table the policy succeeds: a picture seen from above the arm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from lightning import LightningModule, Trainer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from tensordict import TensorDictBase

from callbacks.pictures import log_figure
from callbacks.rollout_observer import EvaluatedRollouts, RolloutObserver
from robot.phi import PhiSet, PhiSpace

CELL = 0.005  # m
BANDWIDTH = 0.02  # m, standard deviation of the kernel that smooths single episodes
REACH_IN_BANDWIDTHS = 2.5  # bandwidths from an episode up to which its outcome is drawn

POINTS = 60  # on an arc of an outline

Array = NDArray[np.float64]


class SuccessHeatmap(RolloutObserver):
    """Draws ``rollout/heatmap`` for tasks whose phi has a ``radius`` and a ``bearing``.

    Both are polar coordinates of the object around the base of the arm (m, rad; bearing 0 is
    straight ahead, positive to the left).
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks that phi says where the object is."""
        task: Any = getattr(trainer, "datamodule", None)
        names = task.phi_space.names if hasattr(task, "phi_space") else ()
        if not {"radius", "bearing"} <= set(names):
            raise ValueError(
                "SuccessHeatmap needs phi dimensions 'radius' and 'bearing'; "
                f"{type(task).__name__} has {', '.join(names) or 'none'}"
            )

    def on_rollouts(
        self, trainer: Trainer, pl_module: LightningModule, rollouts: EvaluatedRollouts
    ) -> None:
        """Draws all phi sets' episodes in one picture."""
        figure = success_heatmap(rollouts.task.phi_space, rollouts.task.phi_sets, rollouts.episodes)
        log_figure(trainer, "rollout/heatmap", figure)


def success_heatmap(
    space: PhiSpace,
    phi_sets: Mapping[str, PhiSet],
    episodes: Mapping[str, TensorDictBase],
) -> Figure:
    """Success rate over the table, its phi sets outlined and the base of the arm marked.

    The rate at a place is the mean outcome of the episodes around it, weighted by a Gaussian of
    their distance (Nadaraya 1964, Watson 1964); places far from every episode stay blank.
    """
    polar = [space.index("radius"), space.index("bearing")]
    both = [(e.get("phi").double().numpy(), e.get("success").numpy()) for e in episodes.values()]
    phi = np.concatenate([phi for phi, _ in both])  # [n, P]
    success = np.concatenate([success for _, success in both]).astype(np.float64)  # [n]
    at = _table(phi[:, polar[0]], phi[:, polar[1]])

    figure = Figure(figsize=(7.5, 5.2), dpi=110, layout="constrained")
    axes: Axes = figure.subplots()
    span = [(space.dimensions[i].low, space.dimensions[i].high) for i in polar]
    outlines = {
        name: [_outline(box.low, box.high, polar) for box in s.boxes]
        for name, s in phi_sets.items()
    }
    table = _outline([s[0] for s in span], [s[1] for s in span], [0, 1])
    x, y = _grid(table)
    rate = _smooth(np.stack([x, y], axis=-1), at, success)
    image = axes.pcolormesh(y, x, rate, vmin=0, vmax=1, cmap="viridis", shading="nearest")
    image.set_clip_path(Polygon(table[:, ::-1], transform=axes.transData))
    for done, name, marker, color in ((1, "success", ".", "black"), (0, "failure", "x", "red")):
        chosen = success == done
        label = f"{name} ({int(chosen.sum())})"
        places = at[chosen]
        axes.scatter(places[:, 1], places[:, 0], s=5, marker=marker, lw=0.5, c=color, label=label)
    _draw_sets(axes, outlines)
    _draw_base(axes)
    axes.set(xlabel="y (m), left of the arm", ylabel="x (m), ahead of the arm")
    axes.set_aspect("equal")
    axes.set_facecolor("#d9d9d9")
    axes.invert_xaxis()  # y points left when one looks along x from behind the arm
    axes.legend(loc="lower left", fontsize=8, framealpha=0.9)
    figure.colorbar(image, ax=axes, label="success rate", shrink=0.8)
    return figure


def _table(radius: Array, bearing: Array) -> Array:
    """Polar coordinates around the base -> x, y on the table, ``[..., 2]``."""
    return np.stack([radius * np.cos(bearing), radius * np.sin(bearing)], axis=-1)


def _outline(
    low: tuple[float, ...] | list[float], high: tuple[float, ...] | list[float], polar: list[int]
) -> Array:
    """Border of a box in (radius, bearing) as a closed line on the table, ``[2 POINTS, 2]``.

    The near arc from right to left, then the far one from left to right.
    """
    (r0, b0), (r1, b1) = ((bound[polar[0]], bound[polar[1]]) for bound in (low, high))
    arc = np.linspace(b0, b1, POINTS)
    return np.concatenate(
        [_table(np.full(POINTS, r0), arc), _table(np.full(POINTS, r1), arc[::-1])]
    )


def _grid(border: Array) -> tuple[Array, Array]:
    """Centres of the cells that cover a border, ``[nx, ny]`` each."""
    low, high = border.min(0) - 3 * CELL, border.max(0) + 3 * CELL
    axes = [np.arange(a, b, CELL) for a, b in zip(low, high, strict=True)]
    x, y = np.meshgrid(axes[0], axes[1], indexing="ij")
    return x, y


def _smooth(places: Array, at: Array, success: Array) -> Array:
    """Kernel estimate of the success rate at ``places [..., 2]``; NaN far from every episode."""
    total = np.zeros(places.shape[:-1])
    weight = np.zeros(places.shape[:-1])
    nearest = np.full(places.shape[:-1], np.inf)
    for place, outcome in zip(at, success, strict=True):
        squared = ((places - place) ** 2).sum(-1)
        kernel = np.exp(-squared / (2 * BANDWIDTH**2))
        total += kernel * outcome
        weight += kernel
        nearest = np.minimum(nearest, squared)
    blank = nearest > (REACH_IN_BANDWIDTHS * BANDWIDTH) ** 2
    return np.where(blank, np.nan, total / np.maximum(weight, 1e-12))


def _draw_sets(axes: Axes, outlines: Mapping[str, list[Array]]) -> None:
    """Outlines every phi set, and names it at its far left corner.

    Where the next one is as wide on the table and differs in something else, it is not drawn again.
    """
    drawn: list[Array] = []
    for name, borders in outlines.items():
        if any(np.array_equal(borders[0], other) for other in drawn):
            continue
        drawn.append(borders[0])
        for border in borders:
            for color, width in (("white", 2.2), ("black", 1.1)):
                line = Polygon(border[:, ::-1], fill=False, edgecolor=color, linewidth=width)
                axes.add_patch(line)
        far_left = borders[0][POINTS]
        label = axes.annotate(
            name,
            (far_left[1], far_left[0]),
            (0, 1.5),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
            ha="center",
            va="bottom",
        )
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])


def _draw_base(axes: Axes) -> None:
    """Marks the arm's base, where the frame's origin is, and where it looks."""
    turn = np.linspace(0, 2 * math.pi, 40)
    axes.fill(0.05 * np.sin(turn), 0.05 * np.cos(turn), color="#333333")
    axes.annotate("", (0, 0.12), (0, 0.04), arrowprops={"arrowstyle": "->", "color": "#333333"})
    axes.annotate("base", (0, -0.055), fontsize=8, ha="center", va="top")
    axes.set_ylim(bottom=-0.09)
