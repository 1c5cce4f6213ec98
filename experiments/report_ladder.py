"""The table of the skill ladder, from docs/results/ladder/results.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.ladder_figures import MATCHED
from experiments.results import Row
from experiments.skill_ladder import LEVELS, POLICIES


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    for policy in POLICIES:
        mine = [r for r in rows if r["study"] == "calibrated" and r["policy"] == policy]
        yield f"ladder-{policy}", knob_rows(mine)


def knob_rows(rows: Sequence[Row]) -> str:
    """Of every knob its value at each level, the success measured there, and how jerky it is."""
    lines = ["| knob | " + " | ".join(f"{level:.2f}" for level in LEVELS) + " | reached |"]
    lines[0] += " high frequencies at .65 |"
    lines.append("|---" * (len(LEVELS) + 3) + "|")
    for knob in dict.fromkeys(row["method"] for row in rows):
        levels = {row["level"]: row for row in rows if row["method"] == knob}
        cells = [knob, *(level_cell(levels[level]) for level in LEVELS)]
        cells += [f"{sum(row['reached'] for row in levels.values())} of {len(LEVELS)}"]
        lines.append("| " + " | ".join([*cells, f"{levels[MATCHED]['high_frequency']:.2f}"]) + " |")
    return "\n".join(lines)


def level_cell(row: Row) -> str:
    """The value and, on fresh episodes, its success; in brackets where the level is missed."""
    low, high = row["success/table/lo"], row["success/table/hi"]
    said = f"{row['value']:.3g}: {row['success/table']:.2f} ({low:.2f} to {high:.2f})"
    return said if row["reached"] else f"[{said}]"
