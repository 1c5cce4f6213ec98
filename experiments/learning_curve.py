"""What a run has logged on its way, as rows: success by episodes and by seconds of arm time."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import Any

# TensorBoard says nothing of its types.
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,  # pyright: ignore
)

SUCCESS = "rollout/success/"
EFFORT = {"collection/attempts": "episodes", "time/collected_s": "robot_s"}
BESIDE = {
    "curriculum/level": "level",
    "collection/success": "collection_success",
    "train/grad_norm": "grad_norm",
}


def learning_curve(run: Path) -> list[dict[str, Any]]:
    """One row for each evaluation: success by phi set with n and interval, and what it took.

    Args:
        run: the run's folder; a resumed run has several event files there.
    """
    logged = scalars(run)
    rows: list[dict[str, Any]] = []
    successes = {tag: values for tag, values in logged.items() if tag.startswith(SUCCESS)}
    for step in sorted({step for values in successes.values() for step in values}):
        row: dict[str, Any] = {
            tag.removeprefix("rollout/"): values[step]
            for tag, values in successes.items()
            if step in values
        }
        for tag, name in (EFFORT | BESIDE).items():
            if (value := _latest(logged.get(tag, {}), step)) is not None:
                row[name] = value
        counts = {name: int(row[name]) for name in row if name.endswith(("/n", "episodes"))}
        rows.append(row | counts)
    return rows


def scalars(run: Path) -> dict[str, dict[int, float]]:
    """By tag and step; of a step that was done again, the later value."""
    found: dict[str, dict[int, float]] = {}
    for file in sorted(run.glob("events.out.tfevents.*")):
        events = EventAccumulator(str(file), size_guidance={"scalars": 0})
        events.Reload()
        tags: Any = events.Tags()
        for tag in tags["scalars"]:
            for event in events.Scalars(tag):
                found.setdefault(tag, {})[event.step] = round(float(event.value), 6)
    return found


def _latest(values: dict[int, float], step: int) -> float | None:
    """The value at a step or the last one before it."""
    steps = sorted(values)
    at = bisect_right(steps, step)
    return values[steps[at - 1]] if at else None
