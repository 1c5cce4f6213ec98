"""Which families are worth adapting to, from docs/results/adaptation/results.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from experiments.results import Row
from robot.success_rate import wilson_interval

STUDY = "admission"
WHO = {"oracle": "oracle", "memoryless": "memoryless", "memory_reset": "memory reset"}


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The part of the page that is made from results: its name there and its text."""
    mine = [row for row in rows if row.get("study") == STUDY]
    if mine:
        yield STUDY, table(mine)


def table(rows: Sequence[Row]) -> str:
    """A family a line: all seeds' episodes together, with Wilson intervals."""
    lines = ["| family | seeds | n | " + " | ".join(WHO.values()) + " | the oracle is better by |"]
    lines.append("|---" * (len(WHO) + 4) + "|")
    for task in dict.fromkeys(row["task"] for row in rows):
        runs = [row for row in rows if row["task"] == task]
        n = sum(int(row["oracle/n"]) for row in runs)
        cells, ends = [], {}
        for who in WHO:
            rate = fmean(row[who] for row in runs)
            low, high = ends[who] = wilson_interval(round(rate * n), n)
            cells.append(f"{rate:.3f} ({low:.3f} to {high:.3f})")
        rival = max(("memoryless", "memory_reset"), key=lambda who: ends[who])
        gap = ends["oracle"][0] - ends[rival][1]
        lines.append(
            f"| `{task}` | {len(runs)} | {n} | " + " | ".join(cells) + f" | {gap:.3f} at least |"
        )
    return "\n".join(lines)
