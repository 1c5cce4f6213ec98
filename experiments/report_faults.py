"""What the arm does when something goes wrong, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.results import Row

HEADER = (
    "fault",
    "noticed after, s",
    "what a person reads",
    "moved after, rad",
    "beyond limits, rad",
    "from its rest, rad",
)


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The marked parts of the page."""
    lines = [f"| {' | '.join(HEADER)} |", "|---|---:|---|---:|---:|---:|"]
    for row in rows:
        seconds = f"{row['seconds']:.2f}" if "seconds" in row else ""
        said = row["said"] or "nothing: what is missing is asked for again"
        moved = f"{row['held']:.3f}" if "held" in row else ""
        cells = [row["fault"], seconds, said, moved, f"{row['excess']:.3f}", f"{row['rest']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    yield "faults", "\n".join(lines)
