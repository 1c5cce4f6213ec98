"""Reads a LeRobotDataset v3.0: joint states, actions and time stamps, without loss.

The format, as LeRobot writes it::

    meta/info.json     codebase_version, fps, robot_type, features with names and shapes, totals
    meta/stats.json    minimum and maximum of each feature
    data/**.parquet    observation.state, action, timestamp, frame_index, episode_index
    videos/**          read of those that we exported
    meta/beachhead.json  ours: what else is known of episodes that we exported
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot.lerobot.parquet import read_parquet
from robot.recordings.recording import Recording, widened
from robot.schema import Range

VERSION = "v3.0"
INFO, STATS, OWN = "meta/info.json", "meta/stats.json", "meta/beachhead.json"
EPISODES_FILE = "meta/episodes/chunk-000/file-000.parquet"
STATE = "observation.state"
ACTION = "action"
COLUMNS = (STATE, ACTION, "timestamp", "frame_index", "episode_index")


@dataclass(frozen=True)
class LeRobotDataset(Recording):
    """The numbers of a dataset, checked; construct with :meth:`read`.

    Attributes:
        stats: ``meta/stats.json``, empty where there is none.
    """

    stats: dict[str, Any]

    @classmethod
    def read(cls, path: str | Path) -> LeRobotDataset:
        """Reads and checks a dataset.

        Raises:
            ModuleNotFoundError: if pyarrow is not installed; says how to install it.
            FileNotFoundError: if there is no dataset.
            ValueError: if it has another version, lacks a column, contradicts its own totals, or
                the frames of an episode do not follow each other.
        """
        path = Path(path)
        info = read_json(path / INFO)
        found = info.get("codebase_version")
        if found != VERSION:
            raise ValueError(
                f"{path} is a LeRobotDataset of version {found}, only {VERSION} is read: convert "
                "it with LeRobot's own converter"
            )
        for column in (STATE, ACTION):
            if column not in info.get("features", {}):
                raise ValueError(f"{path} has no feature {column!r}, which cloning needs")
        columns = read_columns(path, COLUMNS)
        lengths = _episode_lengths(path, columns["episode_index"], columns["frame_index"])
        for what, counted in (("episodes", len(lengths)), ("frames", sum(lengths))):
            if (said := info.get(f"total_{what}")) != counted:
                raise ValueError(
                    f"{path} says it has {said} {what} and holds {counted}: it is incomplete "
                    "or was changed, download it again"
                )
        return cls(
            path=path,
            joints=_joints(info),
            rate=float(info["fps"]),
            robot_type=info.get("robot_type"),
            state=columns[STATE].astype(np.float32),
            action=columns[ACTION].astype(np.float32),
            timestamp=columns["timestamp"].astype(np.float32),
            lengths=lengths,
            stats=read_json(path / STATS) if (path / STATS).is_file() else {},
        )

    @property
    def state_range(self) -> Range:
        """Bounds of the statistics and of the data, widened."""
        return self._range(STATE, self.state)

    @property
    def action_range(self) -> Range:
        """Likewise."""
        return self._range(ACTION, self.action)

    def _range(self, column: str, values: NDArray[np.float32]) -> Range:
        low, high = values.min(0), values.max(0)
        if column in self.stats:
            low = np.minimum(low, self.stats[column]["min"])
            high = np.maximum(high, self.stats[column]["max"])
        return widened(low, high)


def _joints(info: dict[str, Any]) -> tuple[str, ...]:
    """Names of the action's dimensions, without LeRobot's ``.pos``."""
    names = info["features"][ACTION]["names"]
    if isinstance(names, dict):
        names = next(iter(names.values()))
    return tuple(name.removesuffix(".pos") for name in names)


def fingerprint(path: str | Path) -> str:
    """Checksum of everything that :meth:`LeRobotDataset.read` reads.

    Raises:
        FileNotFoundError: if there is no dataset.
        ValueError: if its metadata cannot be read.
    """
    path = Path(path)
    info = path / INFO
    read_json(info)
    digest = hashlib.sha256()
    for file in [info, path / STATS, path / OWN, *_data_files(path)]:
        if file.is_file():
            digest.update(file.relative_to(path).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def read_json(file: Path) -> dict[str, Any]:
    """What a file of a dataset says.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no JSON.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no LeRobotDataset at {file.parent.parent}: {file} is missing"
        )
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(
            f"{file} is not valid JSON ({error}): download the dataset again"
        ) from error


def _data_files(path: Path) -> list[Path]:
    files = sorted((path / "data").rglob("*.parquet"))
    if not files:
        raise FileNotFoundError(f"the LeRobotDataset at {path} has no data/**.parquet")
    return files


def read_columns(path: Path, columns: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Columns of all data files, end to end: ``[N]``, or ``[N, D]`` of lists.

    Raises:
        ModuleNotFoundError: if pyarrow is not installed.
        FileNotFoundError: if there are no data files.
        ValueError: if a file is damaged, or lacks a column.
    """
    parts: dict[str, list[NDArray[Any]]] = {column: [] for column in columns}
    for file in _data_files(path):
        for column, values in read_parquet(file, parts).items():
            parts[column].append(values)
    return {column: np.concatenate(values) for column, values in parts.items()}


def _episode_lengths(
    path: Path, episode_index: NDArray[np.int64], frame_index: NDArray[np.int64]
) -> tuple[int, ...]:
    """Frames of each episode, after checking that they are numbered and laid out in order."""
    starts = np.flatnonzero(np.diff(episode_index, prepend=-1) != 0)
    lengths = np.diff(np.append(starts, len(episode_index)))
    if not np.array_equal(episode_index[starts], np.arange(len(starts))):
        raise ValueError(
            f"{path} has episodes {episode_index[starts].tolist()} in this order, expected 0 to "
            f"{len(starts) - 1}"
        )
    wrong = np.flatnonzero(frame_index != np.arange(len(frame_index)) - np.repeat(starts, lengths))
    if len(wrong):
        i = int(wrong[0])
        raise ValueError(
            f"{path} skips a frame: row {i} is frame {frame_index[i]} of episode "
            f"{episode_index[i]}, expected {i - int(np.repeat(starts, lengths)[i])}"
        )
    return tuple(int(n) for n in lengths)
