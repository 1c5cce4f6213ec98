"""What a teacher saves a larger student: a table and a figure.

From docs/results/distillation/results.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from experiments.results import Row, interval

ON = "table"  # the phi set that everything is about
METHODS = {
    "reverse_distillation": "from its teacher",
    "without_teacher": "by reward, without",
}
TEACHER = "teacher"
SHARE = 0.25  # of the environment steps that it takes without a teacher


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    yield "distillation", seed_table(rows)


def steps_to(rows: Sequence[Row], rate: float) -> int | None:
    """Environment steps after which a run first succeeded that often; None if it never did."""
    reached = [row["steps"] for row in rows if row[f"success/{ON}"] >= rate]
    return min(reached, default=None)


def curve(rows: Sequence[Row], method: str, seed: int) -> list[Row]:
    """What was measured on a run's way, in order."""
    mine = (r for r in rows if r["phi"] == "validation")
    mine = (r for r in mine if (r["method"], r["seed"]) == (method, seed))
    return sorted(mine, key=lambda row: row["steps"])


def tested(rows: Sequence[Row], method: str, seed: int) -> Row | None:
    """The test of a run."""
    mine = (r for r in rows if (r["phi"], r["method"], r["seed"]) == ("test", method, seed))
    return next(mine, None)


def seed_table(rows: Sequence[Row]) -> str:
    """A seed a row: the teacher, the student at its end both ways, steps to the teacher's level."""
    lines = [
        f"| seed | teacher | {' | '.join(METHODS.values())} | steps to the teacher's success | "
        "without a teacher | share |",
        "|---" * 7 + "|",
    ]
    for seed in sorted({row["seed"] for row in rows}):
        teacher = tested(rows, TEACHER, seed)
        if teacher is None:
            continue
        ends = [tested(rows, method, seed) for method in METHODS]
        cells = [interval(row, ON) if row else "" for row in (teacher, *ends)]
        taken = [steps_to(curve(rows, m, seed), teacher[f"success/{ON}"]) for m in METHODS]
        cells += [cost(rows, m, seed, t) for m, t in zip(METHODS, taken, strict=True)]
        cells.append(share(rows, seed, *taken))
        lines.append("| " + " | ".join([str(seed), *cells]) + " |")
    return "\n".join(lines)


def cost(rows: Sequence[Row], method: str, seed: int, taken: int | None) -> str:
    """Steps, or those in which it was not reached."""
    way = curve(rows, method, seed)
    if not way:
        return ""
    return f"{taken:,}" if taken is not None else f"not in {way[-1]['steps']:,}"


def share(rows: Sequence[Row], seed: int, with_teacher: int | None, without: int | None) -> str:
    """Of the steps that the student takes without its teacher; at most so much, where in vain."""
    way = curve(rows, "without_teacher", seed)
    if with_teacher is None or not way:
        return ""
    if without is None:
        return f"< {with_teacher / way[-1]['steps']:.2f}"
    return f"{with_teacher / max(1, without):.2f}"


def figure(rows: Sequence[Row]) -> Figure:
    """Success by environment steps, a panel a seed; dashed, the teacher."""
    seeds = sorted({row["seed"] for row in rows})
    drawn = Figure(figsize=(3.6 * len(seeds) + 1.6, 3.4), layout="constrained")
    for axes, seed in zip(
        drawn.subplots(1, len(seeds), sharey=True, squeeze=False)[0], seeds, strict=True
    ):
        for method, name in METHODS.items():
            way = curve(rows, method, seed)
            steps = [row["steps"] / 1e3 for row in way]
            axes.plot(steps, [row[f"success/{ON}"] for row in way], marker=".", label=name)
        if teacher := tested(rows, TEACHER, seed):
            axes.axhline(teacher[f"success/{ON}"], color="k", ls="--", lw=1, label=TEACHER)
        axes.set(title=f"seed {seed}", xlabel="environment steps, thousands", ylim=(0, 1.03))
        axes.grid(alpha=0.3)
        if seed == seeds[0]:
            axes.set_ylabel(f"success on {ON}")
            axes.legend(frameon=False, loc="lower right")
    return drawn
