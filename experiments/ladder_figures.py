"""What a knob does to a policy: success against its value, where actions go, how jerky they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from tensordict import TensorDict
from torch import Tensor

from datamodules import PickBanana
from experiments.results import Row
from robot.forward_kinematics import forward_kinematics
from robot.simulation.objects import BANANA

COLORS = {True: (0.12, 0.59, 0.24), False: (0.78, 0.16, 0.16)}
TRACES = 8  # of each level
MATCHED = 0.65  # level at which actions' spectra are compared


def figures(rows: Sequence[Row]) -> Iterator[tuple[str, Figure]]:
    """Those of the page: file name and figure."""
    yield "success.png", success_figure(rows)
    yield "spectrum.png", spectrum_figure(rows, MATCHED)


def named(row: Row) -> str:
    """A knob, and whose, if it is not the generalist's."""
    return row["method"] if row["policy"] == "generalist" else f"{row['method']} ({row['policy']})"


def success_figure(rows: Sequence[Row]) -> Figure:
    """Success against the value of each knob, all that was tried; the levels' values are ringed."""
    knobs = list(dict.fromkeys(named(row) for row in rows))
    columns = 4
    lines = -(-len(knobs) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.6 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False).flatten()
    for axes, knob in zip(grid, knobs, strict=False):
        mine = [row for row in rows if named(row) == knob]
        tried = sorted((r for r in mine if r["study"] == "tried"), key=lambda r: r["value"])
        values, rates = ([r[k] for r in tried] for k in ("value", "success/table"))
        low, high = ([r[f"success/table/{end}"] for r in tried] for end in ("lo", "hi"))
        axes.plot(values, rates, ".-")
        axes.fill_between(values, low, high, alpha=0.2)
        for row in (r for r in mine if r["study"] == "calibrated"):
            edge = "black" if row["reached"] else "tab:red"
            axes.plot(row["value"], row["success/table"], "o", mfc="none", mec=edge)
        axes.set(title=knob, ylim=(0, 1.03))
        axes.grid(alpha=0.3)
    for axes in grid[len(knobs) :]:
        axes.set_visible(False)
    for axes in grid[::columns]:
        axes.set_ylabel("success on table")
    return figure


def spectrum_figure(rows: Sequence[Row], level: float) -> Figure:
    """Share of the power of actions' changes by frequency, of every knob at one level."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for row in (r for r in rows if r["study"] == "calibrated" and r["level"] == level):
        power = [row[k] for k in row if k.startswith("spectrum/")]
        cycles = [(i + 1) / (2 * len(power)) for i in range(len(power))]
        axes.plot(cycles, [p / sum(power) for p in power], ".-", label=named(row))
    axes.set(xlabel="cycles a step", ylabel="share of the power", yscale="log")
    axes.set_title(f"changes from action to action, at a success of {level:.2f}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def trace_figure(episodes: Mapping[float, TensorDict], task: PickBanana) -> Figure:
    """Where the gripper was sent, from above and from the side; a column a level of success.

    Args:
        episodes: recorded ones of each level, ``[N]``.
        task: what they are at.
    """
    figure = Figure(figsize=(2.5 * len(episodes), 4.6), layout="constrained")
    grid = figure.subplots(2, len(episodes), sharex="row", sharey="row", squeeze=False)
    for (level, made), (above, beside) in zip(episodes.items(), grid.T, strict=True):
        points, _ = forward_kinematics(
            task.arm, made["trajectory", "action"][..., :-1]
        )  # [N, T, 3]
        for path, steps, success in zip(
            points[:TRACES], made["length"].tolist(), made["success"].tolist(), strict=False
        ):
            x, y, z = path[:steps].unbind(-1)
            above.plot(-y, x, color=COLORS[success], lw=0.9)
            beside.plot(x.hypot(y), z, color=COLORS[success], lw=0.9)
        draw_scene(above, beside, task, made["phi"][:TRACES])
        above.set_title(f"success {level:.2f}", fontsize=10)
        above.set_aspect("equal")
        beside.axhline(0, color="0.5", lw=0.8)
    grid[0][0].set_ylabel("from above:\nahead of the arm, m")
    grid[1][0].set_ylabel("from the side:\nheight, m")
    for above, beside in grid.T:
        above.set_xlabel("to the right, m")
        beside.set_xlabel("distance, m")
    return figure


def draw_scene(above: Axes, beside: Axes, task: PickBanana, phi: Tensor) -> None:
    """The arm's foot, where bananas may lie, and those of these episodes."""
    space = task.phi_space
    radius, bearing = (space.dimensions[space.index(name)] for name in ("radius", "bearing"))
    turned = torch.linspace(bearing.low, bearing.high, 40)
    for end in (radius.low, radius.high):
        above.plot(-end * turned.sin(), end * turned.cos(), color="0.6", lw=0.8, zorder=0)
    above.plot(0, 0, "s", color="0.3", ms=7)
    for (x, y, z), quaternion in zip(*task.place(phi)[:, 0].split([3, 4], -1), strict=True):
        yaw = 2 * math.atan2(float(quaternion[3]), float(quaternion[0]))
        length, width, _ = BANANA.half_extents
        shown: dict[str, Any] = {
            "facecolor": BANANA.rgba,
            "edgecolor": "0.2",
            "lw": 0.6,
            "zorder": 3,
        }
        # Ahead of the arm, its x, is up in the picture.
        turn = math.degrees(yaw) + 90
        above.add_patch(Ellipse((-float(y), float(x)), 2 * length, 2 * width, angle=turn, **shown))
        side = (math.hypot(float(x), float(y)), float(z))
        beside.add_patch(Ellipse(side, 2 * width, 2 * width, **shown))
