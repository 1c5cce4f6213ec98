"""Figures of the curriculum's studies, from docs/results/curriculum/results.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report_curriculum import GATES, METHODS, last, of
from experiments.results import Row

ASKED = 0.9  # success on wide and table that the curriculum is to reach


def figures(rows: Sequence[Row]) -> Iterator[tuple[str, Figure]]:
    """By file name; those that there are rows of the studies for."""
    rows = [row for row in rows if row["task"] == "pick_banana"]
    if curves := of(rows, "table", phi="validation", method="curriculum"):
        begun = of(rows, "table", phi="test", method="curriculum", episodes=0)
        yield "table.png", curve_figure([*begun, *curves], ("point", "wide", "table"))
    if curves := of(rows, "comparison", phi="validation"):
        begun = of(rows, "comparison", phi="test", episodes=0)
        yield "comparison.png", comparison_figure([*begun, *curves])
    if curves := of(rows, "gate", phi="validation"):
        begun = of(rows, "gate", phi="test", episodes=0)
        yield "gate.png", gate_figure([*begun, *curves])
    if rings := of(rows, "rings"):
        yield "rings.png", ring_figure(rings)
    if demonstrations := of(rows, "demonstrations", method="cloning_table"):
        yield "demonstrations.png", demonstration_figure(demonstrations, rows)


def curve_figure(rows: Sequence[Row], phi_sets: Sequence[str]) -> Figure:
    """Success by set against episodes and against hours of arm time, a line a seed."""
    figure = Figure(figsize=(4.2 * len(phi_sets), 6.4), layout="constrained")
    grid = figure.subplots(2, len(phi_sets), sharey=True)
    for column, phi_set in enumerate(phi_sets):
        for line, (name, scale) in enumerate((("episodes", 1.0), ("robot_s", 1 / 3600))):
            axes = grid[line][column]
            for seed in sorted({row["seed"] for row in rows}):
                run = sorted((row for row in rows if row["seed"] == seed), key=episodes)
                axes.plot(
                    [row[name] * scale for row in run],
                    [row[f"success/{phi_set}"] for row in run],
                    marker=".",
                    label=f"seed {seed}",
                )
            axes.axhline(ASKED, color="gray", lw=0.8, ls="--")
            axes.set(title=phi_set if line == 0 else "", ylim=(0, 1.03))
            axes.set_xlabel("episodes" if line == 0 else "hours the arm has moved")
            axes.locator_params(axis="x", nbins=5)
            axes.grid(alpha=0.3)
    grid[0][0].set_ylabel("success")
    grid[1][0].set_ylabel("success")
    grid[0][0].legend(frameon=False)
    return figure


def gate_figure(rows: Sequence[Row]) -> Figure:
    """Success in the corner and on the table, and the norm of updates; a line a run."""
    panels = {
        "success/corner": "success in the corner",
        "success/table": "success on table",
        "collection_success": "attempts that succeed",
        "grad_norm": "norm of the gradient in training",
    }
    figure = Figure(figsize=(4.2 * 2 + 2.2, 6.0), layout="constrained")
    grid = figure.subplots(2, 2).flatten()
    for axes, (key, label) in zip(grid, panels.items(), strict=True):
        for number, (method, name) in enumerate(GATES.items()):
            runs = by_seed([row for row in rows if row["method"] == method])
            for i, run in enumerate(runs):
                shown = [row for row in run if key in row]
                axes.plot(
                    [row["episodes"] for row in shown],
                    [row[key] for row in shown],
                    marker=".",
                    color=f"C{number}",
                    label=name if i == 0 else None,
                )
        axes.set(ylabel=label, xlabel="episodes", ylim=(0, None))
        axes.locator_params(axis="x", nbins=5)
        axes.grid(alpha=0.3)
    grid[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def episodes(row: Row) -> float:
    """What learning curves are sorted by."""
    return row["episodes"]


# One more than matplotlib's cycle has; the two from scratch lie on each other.
COLORS = (*(f"C{i}" for i in range(10)), "black")
STYLES = {"from_scratch": "-", "reinforce_from_scratch": ":"}


def comparison_figure(rows: Sequence[Row]) -> Figure:
    """Success on ``wide`` of all methods: the mean over seeds; bands from the worst to the best."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for method, name in METHODS.items():
        runs = by_seed(of(rows, "comparison", method=method))
        if not runs:
            continue
        shared = min(len(run) for run in runs)
        steps = [fmean(run[i]["episodes"] for run in runs) for i in range(shared)]
        values = [[run[i]["success/wide"] for run in runs] for i in range(shared)]
        style = STYLES.get(method, "-")
        means = [fmean(v) for v in values]
        color = COLORS[list(METHODS).index(method)]
        (line,) = axes.plot(steps, means, style, color=color, marker=".", label=name)
        lows, highs = [min(v) for v in values], [max(v) for v in values]
        axes.fill_between(steps, lows, highs, color=line.get_color(), alpha=0.12)
    axes.set(xlabel="episodes, tries of rings included", ylabel="success on wide", ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def by_seed(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each seed, in order of episodes."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=episodes):
        found[row["seed"]].append(row)
    return list(found.values())


STARTS = {
    "curriculum": "32 demonstrations at point",
    "curriculum_one_point": "at exactly one point",
    "curriculum_from_home": "all begun in one pose",
}


def ring_figure(rows: Sequence[Row]) -> Figure:
    """Expected return on every ring before any training on it, against the level."""
    starts = {m: found for m in STARTS if (found := [r for r in rows if r["method"] == m])}
    figure = Figure(figsize=(4.6 * len(starts), 3.8), layout="constrained")
    grid = figure.subplots(1, len(starts), sharey=True, squeeze=False)[0]
    for axes, (start, tried) in zip(grid, starts.items(), strict=True):
        for run in by_ring(tried):
            _draw_rings(axes, run)
        axes.axhline(0.02, color="tab:red", lw=0.8, ls="--", label="least lower end")
        axes.errorbar([], [], fmt="o", ms=4, color="gray", mfc="white", label="refused")
        axes.set(title=STARTS[start], xlabel="level before it widens", xlim=(-0.02, 1.02))
        axes.set_ylim(-0.02, 1.03)
        axes.grid(alpha=0.3)
    grid[0].set_ylabel("E[R] on the ring")
    grid[0].legend(frameon=False, fontsize=8)
    return figure


def _draw_rings(axes: Axes, run: Sequence[Row]) -> None:
    """The rings of one seed: filled where the level widened, empty where it did not."""
    seed = run[0]["seed"]
    for accepted in (True, False):
        tried = [row for row in run if row["accepted"] is accepted]
        value = [row["expected_return"] for row in tried]
        low = [row["expected_return"] - row["expected_return/lo"] for row in tried]
        high = [row["expected_return/hi"] - row["expected_return"] for row in tried]
        axes.errorbar(
            [row["level"] + 0.004 * seed for row in tried],
            value,
            [low, high],
            fmt="o",
            ms=4,
            lw=0.7,
            color=f"C{seed}",
            mfc=None if accepted else "white",
            label=f"seed {seed}" if accepted else None,
        )


def by_ring(rows: Sequence[Row]) -> list[list[Row]]:
    """The rings of each seed, in the order in which they were tried."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: (r["seed"], r["ring"])):
        found[row["seed"]].append(row)
    return list(found.values())


def demonstration_figure(rows: Sequence[Row], every: Sequence[Row]) -> Figure:
    """Success on the table against demonstrations spread over it, and the curriculum's level."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    runs = sorted(rows, key=lambda r: r["demonstrations"])
    reached = [
        r["success/table"] for r in last(of(every, "table", method="curriculum", phi="test"))
    ]
    for axes, name, scale in ((left, "demonstrations", 1.0), (right, "driven_s", 1 / 60)):
        for seed in sorted({row["seed"] for row in runs}):
            run = [row for row in runs if row["seed"] == seed]
            axes.plot([r[name] * scale for r in run], [r["success/table"] for r in run], marker="o")
        if reached:
            axes.axhline(
                fmean(reached), color="tab:green", ls="--", label="curriculum, 32 at point"
            )
        axes.set_xscale("log")
        axes.grid(alpha=0.3)
    left.set(
        xlabel="demonstrations over the whole table", ylabel="success on table", ylim=(0, 1.03)
    )
    right.set_xlabel("minutes of driving")
    left.legend(frameon=False)
    return figure
