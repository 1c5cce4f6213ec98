"""Success along four axes: tables and a figure, from docs/results/four_axes/results.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from datamodules.four_axes import HELD_OUT, LEVELS
from experiments.results import Row, interval

# The levels of each axis, in the order in which they are grown.
AXES = {
    "positions": ("point", "near", "table"),
    "objects": ("sizes", "objects"),
    "environments": ("tables", "environments"),
    "goals": ("hands", "goals"),
}


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    yield "four-axes", level_table(tested(rows))


def tested(rows: Sequence[Row]) -> list[Row]:
    """Those of checkpoints, before and after, by seed."""
    return sorted(
        (row for row in rows if row["phi"] == "test"),
        key=lambda row: (row["seed"], row["episodes"]),
    )


def level_table(rows: Sequence[Row]) -> str:
    """An axis' levels, then its held-out part, against what was tested."""
    names = [f"{row['method']}, seed {row['seed']}" for row in rows]
    lines = ["| axis | phi set | " + " | ".join(names) + " |", "|---" * (len(rows) + 2) + "|"]
    for axis, levels in AXES.items():
        for name in levels:
            cells = [interval(row, name) for row in rows]
            lines.append("| " + " | ".join([axis, f"`{name}`", *cells]) + " |")
        cells = [interval(row, f"held_out/{axis}") for row in rows]
        lines.append("| " + " | ".join([axis, "*held out*", *cells]) + " |")
    return "\n".join(lines)


def figure(rows: Sequence[Row]) -> Figure:
    """Success on every level and held-out part, before and after; and on the way, by episodes."""
    drawn = Figure(figsize=(12.0, 4.0), layout="constrained")
    bars, way = drawn.subplots(1, 2, width_ratios=(3, 2))
    names = [*LEVELS, *(f"held_out/{axis}" for axis in HELD_OUT)]
    for method, color in (("beachhead", "0.7"), ("curriculum", "tab:blue")):
        mine = [row for row in tested(rows) if row["method"] == method]
        if not mine:
            continue
        shift = -0.2 if method == "beachhead" else 0.2
        means = [sum(row[f"success/{name}"] for row in mine) / len(mine) for name in names]
        places = [i + shift for i in range(len(names))]
        bars.bar(places, means, 0.4, color=color, label=method)
        for row in mine:
            bars.plot(places, [row[f"success/{name}"] for name in names], "k.", ms=3)
    shown = [name.replace("held_out/", "held out: ") for name in names]
    bars.set_xticks(range(len(names)), shown, rotation=40, ha="right")
    bars.set(ylabel="success", ylim=(0, 1.03))
    bars.legend(frameon=False)
    for name in LEVELS:
        for seed in sorted({row["seed"] for row in rows}):
            curve = [r for r in rows if r["phi"] == "validation" and r["seed"] == seed]
            way.plot(
                [r["episodes"] for r in curve],
                [r[f"success/{name}"] for r in curve],
                color=f"C{list(LEVELS).index(name)}",
                label=name if seed == min(r["seed"] for r in rows) else None,
            )
    way.set(xlabel="episodes", ylim=(0, 1.03))
    way.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (bars, way):
        axes.grid(alpha=0.3)
    return drawn
