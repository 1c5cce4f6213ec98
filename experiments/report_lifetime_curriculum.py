"""What reward adds to a meta-learner where more is hidden: tables and a figure.

From the rows of study ``lifetime_curriculum`` in docs/results/adaptation/results.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from matplotlib.figure import Figure

from experiments.report_adaptation import SHOTS, by_shot, panels
from experiments.results import Row
from experiments.significance import mean_interval

STUDY = "lifetime_curriculum"
METHODS = {
    "start": "no reward: as it was cloned",
    "meta_learner_rl": "reward, under a curriculum",
    "uniform": "reward, on the whole set at once",
}
REFERENCE = "reference"


def of_study(rows: Sequence[Row]) -> list[Row]:
    """Its rows alone."""
    return [row for row in rows if row.get("study") == STUDY]


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    mine = of_study(rows)
    for task in dict.fromkeys(row["task"] for row in mine):
        yield f"{STUDY}-{task}", table([row for row in mine if row["task"] == task])


def table(rows: Sequence[Row]) -> str:
    """Success by shot, and over all of them, means of the seeds."""
    lines = [
        "| | seeds | " + " | ".join(f"shot {h}" for h in SHOTS) + " | mean | mean, 95 % |",
        "|---" * (len(SHOTS) + 4) + "|",
    ]
    for name, found, n in curves(rows):
        means = [fmean(curve) for curve in found]
        by_shot = [f"{fmean(s):.3f}" for s in zip(*found, strict=True)]
        between = ""
        if len(means) > 1:
            between = "{1:.3f} to {2:.3f}".format(*mean_interval(means, n * len(SHOTS)))
        cells = [name, str(len(found)), *by_shot, f"{fmean(means):.3f}", between]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def curves(rows: Sequence[Row]) -> Iterator[tuple[str, list[list[float]], int]]:
    """Of one task everyone's name, success by seed and shot, and the lifetimes behind each."""
    for method, name in METHODS.items():
        runs = [row for row in rows if row["method"] == method]
        if runs:
            yield (name, *by_shot(runs, "success"))
    with_reference = [row for row in rows if f"adaptation/{REFERENCE}/shot_1" in row]
    one_a_seed = {row["seed"]: row for row in with_reference}
    if one_a_seed:
        yield (REFERENCE, *by_shot(list(one_a_seed.values()), REFERENCE))


def figure(rows: Sequence[Row]) -> Figure:
    """Adaptation curves, a panel a task."""
    return panels(of_study(rows), curves, METHODS["meta_learner_rl"])
