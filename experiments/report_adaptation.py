"""Tables and curves of those who adapt, from docs/results/adaptation/results.json."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean, stdev

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import t as student

from experiments.results import Row
from experiments.significance import mean_interval

SHOTS = range(1, 7)
NEAR = 0.10  # how far below the reference a learner may be at any shot
# Who learnt, and who is tested beside the meta-learner, in the order in which they are shown.
LEARNERS = {
    "meta_learner": "meta-learner",
    "informed": "Algorithm Distillation, informed",
    "noise_curriculum": "AD-eps",
}
BESIDE = {
    "oracle": "oracle",
    "reference": "reference",
    "cover": "reference, found by then",
    "random_then_repeat": "random, then repeat",
    "memoryless": "memoryless",
    "memory_reset": "meta-learner, memory emptied",
}


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    mine = of_page(rows)
    for task in dict.fromkeys(row["task"] for row in mine):
        yield f"adaptation-{task}", task_rows([row for row in mine if row["task"] == task])


def of_page(rows: Sequence[Row]) -> list[Row]:
    """Those of no study of their own."""
    return [row for row in rows if "study" not in row]


def curves(rows: Sequence[Row]) -> Iterator[tuple[str, list[list[float]], int]]:
    """Of one task everyone's name, success by seed and shot, and the lifetimes behind each."""
    for method, name in LEARNERS.items():
        runs = [row for row in rows if row["method"] == method]
        if not runs:
            continue
        yield (name, *by_shot(runs, "success"))
        if method == "meta_learner":
            there = [who for who in BESIDE if f"adaptation/{who}/shot_1" in runs[0]]
            for who, called in ((who, BESIDE[who]) for who in there):
                yield (called, *by_shot(runs, who))


def by_shot(runs: Sequence[Row], who: str) -> tuple[list[list[float]], int]:
    """Someone's success by seed and shot, and the lifetimes behind each number."""
    found = [[row[f"adaptation/{who}/shot_{h}"] for h in SHOTS] for row in runs]
    return found, runs[0][f"adaptation/{who}/shot_1/n"]


def task_rows(rows: Sequence[Row]) -> str:
    """Success by shot, mean over seeds, and how far the learner is below the reference."""
    lines = ["| | seeds | " + " | ".join(f"shot {h}" for h in SHOTS) + " | shot 6, 95 % |"]
    lines.append("|---" * (len(SHOTS) + 3) + "|")
    everyone = list(curves(rows))
    for name, found, n in everyone:
        cells = [name, str(len(found)), *(f"{fmean(s):.3f}" for s in zip(*found, strict=True))]
        last = [curve[-1] for curve in found]
        between = "{1:.3f} to {2:.3f}".format(*mean_interval(last, n)) if len(last) > 1 else ""
        lines.append("| " + " | ".join([*cells, between]) + " |")
    ours = [row for row in rows if row["method"] == "meta_learner"]
    if ours:
        seconds = fmean(row["adaptation/robot_s/shot_6"] for row in ours)
        lines += ["", *distances(ours), f"Six shots take {seconds:.0f} s of robot time."]
    return "\n".join(lines)


def distances(runs: Sequence[Row]) -> Iterator[str]:
    """How far the learner is below the search, at the shot at which it is furthest."""
    pairs = [("success", "reference", "Its success is at most {} below that of the reference")]
    if all("adaptation/cover/shot_1" in row for row in runs):
        pairs += [
            ("success", "cover", "It is at most {} below what the reference has found by then"),
            ("found", "cover", "What it has found by then itself is at most {} below that"),
        ]
    for mine, theirs, said in pairs:
        names = [(f"adaptation/{theirs}/shot_{h}", f"adaptation/{mine}/shot_{h}") for h in SHOTS]
        below = [[row[their] - row[our] for their, our in names] for row in runs]
        means = [fmean(shot) for shot in zip(*below, strict=True)]
        shot = max(range(len(means)), key=lambda place: means[place])
        at, text = [seed[shot] for seed in below], f"{means[shot]:.3f}"
        if len(at) > 1:
            half = float(student.ppf(0.975, len(at) - 1)) * stdev(at) / len(at) ** 0.5
            low, high = means[shot] - half, means[shot] + half
            text += f" ({low:.3f} to {high:.3f}; {max(map(max, below)):.3f} under the worst seed)"
        yield f"{said.format(text)} (asked: {NEAR:.2f})."


def figure(rows: Sequence[Row]) -> Figure:
    """Adaptation curves, a panel a task."""
    return panels(of_page(rows), curves, LEARNERS["meta_learner"])


def panels(
    rows: Sequence[Row],
    curves_of: Callable[[Sequence[Row]], Iterator[tuple[str, list[list[float]], int]]],
    emphasised: str,
) -> Figure:
    """Curves of each task in a panel; lines are means over seeds, dots the seeds.

    Whoever is in several panels has the same colour in all of them.
    """
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    drawn = Figure(figsize=(4.4 * len(tasks) + 2.6, 3.8), layout="constrained")
    everyone = drawn.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    lines: dict[str, Line2D] = {}
    for axes, task in zip(everyone, tasks, strict=True):
        for name, found, _ in curves_of([row for row in rows if row["task"] == task]):
            means = [fmean(s) for s in zip(*found, strict=True)]
            color = lines[name].get_color() if name in lines else f"C{len(lines)}"
            width = 2.6 if name == emphasised else 1.2
            (line,) = axes.plot(SHOTS, means, label=name, lw=width, color=color)
            lines.setdefault(name, line)
            for curve in found:
                axes.plot(SHOTS, curve, ".", ms=4, color=color)
        axes.set(title=task, xlabel="shot", ylim=(0, 1.03))
        axes.grid(alpha=0.3)
    everyone[0].set_ylabel("success")
    everyone[-1].legend(
        lines.values(), lines.keys(), frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
    )
    return drawn
