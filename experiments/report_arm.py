"""What the arm's whole stack does, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.results import Row
from experiments.studies import table


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The marked parts of the page, of studies that have been run."""
    return table("arm", rows, WAYS)


def _bus(row: Row) -> list[str]:
    return [
        f"| nine servos measured and commanded, {row['bus/n']} times, {row['bus/missed']} "
        "unanswered | "
        f"{row['bus/rate']:.0f} a second | 500 |"
    ]


def _rate(row: Row, name: str) -> str:
    low, high = row[f"{name}/lo"], row[f"{name}/hi"]
    return f"{row[name]:.3f} ({low:.3f} to {high:.3f}) of {row[f'{name}/n']}"


def _realtime(row: Row) -> list[str]:
    return [
        f"| success at `point` at real time | {_rate(row, 'success/point')} | 0.90 |",
        f"| the same episodes in the batched simulation | "
        f"{_rate(row, 'simulated/success/point')} | |",
        f"| episodes that a fault ended | {row['aborted']} | |",
        f"| minutes of the loop at 50 Hz beside the policy | {row['loop/minutes']:.1f} | 10 |",
        f"| 99 % of its periods are within | {1000 * row['loop/error/p99']:.1f} ms | 5 ms |",
        f"| cycles that were late by half a period | {row['loop/late']:.3%} | 0.5 % |",
    ]


def _camera(row: Row) -> list[str]:
    return [
        f"| success at `point` by a camera alone | {_rate(row, 'success/point')} | 0.80 |",
        f"| the banana's place is off by | {1000 * row['position_error/p50']:.1f} mm | 5 mm |",
    ]


def _unattended(row: Row) -> list[str]:
    return [
        f"| two arms by themselves, minutes of theirs | {row['arms/minutes']:.0f} | 30 |",
        f"| one of them died at minute | {row['arms/died_at_minute']:.0f} | half-way |",
        f"| episodes that were ended, and kept | {row['arms/episodes']:.0f}, {row['kept']} | all |",
        f"| success on `near` | {_rate(row, 'success/near')} | |",
        f"| times things were put in place by the arm | {row['arms/resets']:.0f} | |",
        f"| times a person was needed | {row['arms/interventions']:.0f} | counted |",
    ]


WAYS = {"bus": _bus, "realtime": _realtime, "camera": _camera, "unattended": _unattended}
