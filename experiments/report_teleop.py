"""Teleoperation: delays, smoothness and what is learnt from it, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.results import Row
from experiments.studies import table


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The marked parts of the page, of studies that have been run."""
    return table("teleop", rows, WAYS)


def _latency(row: Row) -> list[str]:
    n = row["delay/n"]
    return [
        f"| from sent by a client to sent to the servos, median of {n} | "
        f"{1000 * row['delay/p50']:.1f} ms | 10 ms |",
        f"| the same, 99 % | {1000 * row['delay/p99']:.1f} ms | 30 ms |",
    ]


def _smoothness(row: Row) -> list[str]:
    return [
        f"| jerk of the commanded joints, root mean square: every message at once | "
        f"{row['whole/jerk/rms']:.1f} rad/s³ | |",
        f"| the same, 5 % lost and the others up to 50 ms late | "
        f"{row['worse/jerk/rms']:.1f} rad/s³ | |",
    ]


def _demonstrations(row: Row) -> list[str]:
    low, high = row["success/point/lo"], row["success/point/hi"]
    return [
        f"| success at `point` of a policy cloned from {row['demonstrations']} episodes that came "
        f"over the WebSocket, n {row['success/point/n']} | {row['success/point']:.3f} "
        f"({low:.3f} to {high:.3f}) | 0.90 |",
        f"| seconds that the scripted operator drove for it | {row['time/scripted_s']:.0f} | |",
    ]


WAYS = {"latency": _latency, "smoothness": _smoothness, "demonstrations": _demonstrations}
