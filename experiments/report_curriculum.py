"""Tables and figures of the curriculum's studies, from docs/results/curriculum/results.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure
from scipy.stats import t as student
from scipy.stats import ttest_ind

from experiments.results import PHI_SETS, Row, interval

# What is compared, in the order in which it is shown.
METHODS = {
    "curriculum": "boundary expansion",
    "learnability": "learnability p(1 - p)",
    "level_replay": "prioritised level replay",
    "no_op_filter": "no-op filter",
    "timetable": "timetable",
    "no_curriculum": "no curriculum",
    "filtered_cloning": "filtered cloning",
    "reward_weighted": "reward-weighted",
    "reinforce": "REINFORCE",
    "from_scratch": "DPPO from scratch",
    "reinforce_from_scratch": "REINFORCE from scratch",
}
ASKED = 0.9  # success on wide and table that the curriculum is to reach


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    yield "curriculum-bowl", bowl_rows(rows)
    rows = [row for row in rows if row["task"] == "pick_banana"]
    yield "curriculum-table", table_rows(rows)
    yield "curriculum-comparison", comparison_rows(rows)
    yield "curriculum-significant", significant(rows)
    yield "curriculum-gate", gate_rows(rows)
    yield "curriculum-demonstrations", demonstration_rows(rows)


def of(rows: Sequence[Row], study: str, **wanted: object) -> list[Row]:
    """The rows of a study with these values."""
    return [
        row
        for row in rows
        if row["study"] == study and all(row.get(k) == v for k, v in wanted.items())
    ]


def last(rows: Sequence[Row]) -> list[Row]:
    """Of every method and seed, the row with most episodes, in order of seeds."""
    found: dict[tuple[str, int], Row] = {}
    for row in sorted(rows, key=lambda r: r["episodes"]):
        found[row["method"], row["seed"]] = row
    return sorted(found.values(), key=lambda r: (list_index(r["method"]), r["seed"]))


def list_index(method: str) -> int:
    """Place of a method in tables; unknown ones come last."""
    return list(METHODS).index(method) if method in METHODS else len(METHODS)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds, two or more, with its 95 % Student interval, cut to [0, 1]."""
    mean = fmean(values)
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    half = float(student.ppf(0.975, len(values) - 1)) * (variance / len(values)) ** 0.5
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def table_rows(rows: Sequence[Row]) -> str:
    """Every tested checkpoint of the study ``table``."""
    lines = ["| method | seed | episodes | arm hours | " + " | ".join(f"`{s}`" for s in PHI_SETS)]
    lines[0] += " | n | fit, CPU-min |"
    lines.append("|---" * (len(PHI_SETS) + 6) + "|")
    tested = of(rows, "table", phi="test")
    for row in sorted(tested, key=lambda r: (r["method"], r["seed"], r["episodes"])):
        cells = [row["method"], str(row["seed"]), f"{row['episodes']:,}"]
        cells += [f"{row['robot_s'] / 3600:.1f}", *(interval(row, s) for s in PHI_SETS)]
        cells += [str(row["success/table/n"]), f"{row['fit/cpu_s'] / 60:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def seed_rows(rows: Sequence[Row]) -> str:
    """Where the curriculum ended, by seed."""
    lines = ["| seed | episodes | " + " | ".join(f"`{s}`" for s in PHI_SETS) + " | n |"]
    lines.append("|---" * (len(PHI_SETS) + 3) + "|")
    for row in last(of(rows, "table", method="curriculum", phi="test")):
        cells = [str(row["seed"]), f"{row['episodes']:,}", *(interval(row, s) for s in PHI_SETS)]
        lines.append("| " + " | ".join([*cells, str(row["success/table/n"])]) + " |")
    return "\n".join(lines)


def comparison_rows(rows: Sequence[Row]) -> str:
    """Methods at an equal budget: mean over seeds with interval, and each seed."""
    lines = ["| method | seeds | `wide` (95 % over seeds) | each seed | `point` | `table` |"]
    lines.append("|---|---|---|---|---|---|")
    for method, runs in by_method(last(of(rows, "comparison", phi="test"))).items():
        wide = [row["success/wide"] for row in runs]
        over_seeds = f"{wide[0]:.3f}"
        if len(wide) > 1:
            over_seeds = "{:.3f} ({:.3f} to {:.3f})".format(*mean_interval(wide))
        others = [f"{fmean(row[f'success/{s}'] for row in runs):.3f}" for s in ("point", "table")]
        cells = [
            METHODS.get(method, method),
            str(len(runs)),
            over_seeds,
        ]
        cells += [" ".join(f"{value:.3f}" for value in wide), *others]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def by_method(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each method."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["method"]].append(row)
    return dict(found)


def significant(rows: Sequence[Row], level: float = 0.05) -> str:
    """Pairs of methods whose success on ``wide`` differs, by Welch's t-test over seeds.

    P values are corrected for the number of pairs by Holm's method.
    """
    runs = by_method(last(of(rows, "comparison", phi="test")))
    rated = [m for m, r in runs.items() if len(r) > 1]
    if len(rated) < 2:
        return "Too few seeds to say."
    pairs = list(combinations(rated, 2))
    lines: list[str] = []
    for (a, b), p in zip(pairs, holm([welch(runs[a], runs[b]) for a, b in pairs]), strict=True):
        if p < level:
            one, other = (fmean(row["success/wide"] for row in runs[m]) for m in (a, b))
            better, worse = (a, b) if one > other else (b, a)
            lines.append(
                f"| {METHODS.get(better, better)} | {METHODS.get(worse, worse)} | {p:.3f} |"
            )
    head = ["| better | worse | p |", "|---|---|---|"]
    return "\n".join([*head, *lines]) if lines else f"No pair differs at the level of {level:g}."


def welch(one: Sequence[Row], other: Sequence[Row]) -> float:
    """P value of a difference between the means of two methods, over seeds; two-sided."""
    a, b = ([row["success/wide"] for row in runs] for runs in (one, other))
    if len(set(a)) == len(set(b)) == 1:  # no deviation at all, for example always 0
        return float(a[0] == b[0])
    tested: Any = ttest_ind(a, b, equal_var=False)
    return float(tested.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm 1979), in the order given."""
    corrected = [0.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return corrected


def gate_rows(rows: Sequence[Row]) -> str:
    """With and without the gate: success and the gradient's norm as training goes on."""
    lines = ["| gate | seed | episodes | widened | gradient norm | `point` | corner |"]
    lines.append("|---|---|---|---|---|---|---|")
    runs = of(rows, "gate", phi="validation")
    for row in sorted(runs, key=lambda r: (r["method"], r["seed"], r["episodes"])):
        cells = ["off" if row["method"] == "gate_off" else "on", str(row["seed"])]
        cells += [f"{row['episodes']:,}", "yes" if row["level"] else "no"]
        cells += [f"{row['grad_norm']:.2f}", interval(row, "point"), interval(row, "corner")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def demonstration_rows(rows: Sequence[Row]) -> str:
    """What demonstrations alone bring, by where and how many."""
    lines = [
        "| demonstrated | demonstrations | seed | driven, min | " + " | ".join(PHI_SETS) + " |"
    ]
    lines.append("|---" * (len(PHI_SETS) + 4) + "|")
    for row in sorted(
        of(rows, "demonstrations"), key=lambda r: (r["method"], r["demonstrations"], r["seed"])
    ):
        cells = [row["method"].removeprefix("cloning_"), str(row["demonstrations"])]
        cells += [
            str(row["seed"]),
            f"{row['driven_s'] / 60:.1f}",
            *(interval(row, s) for s in PHI_SETS),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def bowl_rows(rows: Sequence[Row]) -> str:
    """The other task: its beachheads, and where the curriculum took them."""
    rows = [row for row in rows if row["task"] == "place_in_bowl"]
    lines = ["| | seed | episodes | " + " | ".join(f"`{s}`" for s in PHI_SETS) + " | n |"]
    lines.append("|---" * (len(PHI_SETS) + 4) + "|")
    cloned = [("beachhead", row) for row in of(rows, "demonstrations", method="cloning_point")]
    widened = [("curriculum", row) for row in of(rows, "table", phi="test")]
    for name, row in sorted([*cloned, *widened], key=lambda x: (x[1]["seed"], x[0])):
        cells = [name, str(row["seed"]), f"{row['episodes']:,}"]
        cells += [*(interval(row, s) for s in PHI_SETS), str(row["success/table/n"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figures(rows: Sequence[Row], beachheads: Sequence[Row]) -> Iterator[tuple[str, Figure]]:
    """By file name; those that there are rows for.

    Args:
        rows: of the studies of the curriculum.
        beachheads: tested policies that its runs start from, one a seed.
    """
    rows = [row for row in rows if row["task"] == "pick_banana"]
    if curves := of(rows, "table", phi="validation", method="curriculum"):
        begun = [{**row, "episodes": 0, "robot_s": 0.0} for row in beachheads]
        yield "table.png", curve_figure([*begun, *curves], ("point", "wide", "table"))
    if curves := of(rows, "comparison", phi="validation"):
        yield "comparison.png", comparison_figure(curves)
    if rings := of(rows, "rings", method="curriculum"):
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
            axes.grid(alpha=0.3)
    grid[0][0].set_ylabel("success")
    grid[1][0].set_ylabel("success")
    grid[0][0].legend(frameon=False)
    return figure


def episodes(row: Row) -> float:
    """What learning curves are sorted by."""
    return row["episodes"]


def comparison_figure(rows: Sequence[Row]) -> Figure:
    """Success on ``wide`` of all methods, the mean over seeds with the seeds' span."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for method, name in METHODS.items():
        runs = by_seed(of(rows, "comparison", method=method))
        if not runs:
            continue
        shared = min(len(run) for run in runs)
        steps = [fmean(run[i]["episodes"] for run in runs) for i in range(shared)]
        values = [[run[i]["success/wide"] for run in runs] for i in range(shared)]
        (line,) = axes.plot(steps, [fmean(v) for v in values], marker=".", label=name)
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


def ring_figure(rows: Sequence[Row]) -> Figure:
    """Expected return on every ring before any training on it, against the level."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for run in by_ring(rows):
        value = [row["expected_return"] for row in run]
        low = [row["expected_return"] - row["expected_return/lo"] for row in run]
        high = [row["expected_return/hi"] - row["expected_return"] for row in run]
        levels = [row["level"] + 0.004 * run[0]["seed"] for row in run]
        axes.errorbar(
            levels, value, [low, high], fmt="o", ms=3, lw=0.7, label=f"seed {run[0]['seed']}"
        )
    axes.axhline(0.02, color="tab:red", lw=0.8, ls="--", label="least lower end")
    axes.set(
        xlabel="level before it widens",
        ylabel="E[R] on the ring",
        ylim=(-0.02, 1.03),
        xlim=(-0.02, 1.02),
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


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
