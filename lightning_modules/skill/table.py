"""What a calibration has written down: which value of a knob means which success."""

from __future__ import annotations

import json
from pathlib import Path

FAR = 0.1  # what is farther from a level when it is measured once more does not have it


def calibrated_value(table: str | Path, knob: str, success: float) -> float:
    """The value of a knob at which a policy was found to succeed so often.

    Args:
        table: what ``experiments/skill_ladder.py`` has written.
        knob: its name.
        success: one of the levels that were calibrated.

    Raises:
        FileNotFoundError: if there is no such table.
        ValueError: if the table says nothing of it, or more than one thing; names what it has.
    """
    if not Path(table).is_file():
        raise FileNotFoundError(
            f"no table {str(table)!r} of calibrated knobs: 'python experiments/skill_ladder.py "
            f"--knob {knob} --results {table}' makes one"
        )
    rows = [
        row
        for row in json.loads(Path(table).read_text())
        if row.get("study") == "calibrated" and row["method"] == knob
        if abs(row["success/table"] - row["level"]) <= FAR
    ]
    values = [row["value"] for row in rows if row["level"] == success]
    if len(values) != 1:
        levels = ", ".join(f"{row['level']:g}" for row in rows) or "none"
        raise ValueError(
            f"{str(table)!r} has {len(values)} values at which {knob} succeeds in {success:g}; it "
            f"was calibrated to {levels}"
        )
    return float(values[0])
