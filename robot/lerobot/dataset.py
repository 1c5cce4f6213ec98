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
from robot.schema import Range

VERSION = "v3.0"
INFO, STATS, OWN = "meta/info.json", "meta/stats.json", "meta/beachhead.json"
EPISODES_FILE = "meta/episodes/chunk-000/file-000.parquet"
STATE = "observation.state"
ACTION = "action"
COLUMNS = (STATE, ACTION, "timestamp", "frame_index", "episode_index")
# Widens the ranges on either side, as a share of their width, so that nothing is clipped.
MARGIN = 0.05


@dataclass(frozen=True)
class LeRobotDataset:
    """The numbers of a dataset, checked; construct with :meth:`read`.

    Attributes:
        path: its folder.
        info: ``meta/info.json``.
        stats: ``meta/stats.json``, empty where there is none.
        state: ``[N, A]``, frames of all episodes in order, in the dataset's own units.
        action: ``[N, A]``, likewise.
        timestamp: ``[N]``, s from the start of the episode.
        lengths: frames of each episode.
    """

    path: Path
    info: dict[str, Any]
    stats: dict[str, Any]
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    timestamp: NDArray[np.float32]
    lengths: tuple[int, ...]

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
        stats_file = path / STATS
        dataset = cls(
            path=path,
            info=info,
            stats=read_json(stats_file) if stats_file.is_file() else {},
            state=columns[STATE].astype(np.float32),
            action=columns[ACTION].astype(np.float32),
            timestamp=columns["timestamp"].astype(np.float32),
            lengths=_episode_lengths(path, columns["episode_index"], columns["frame_index"]),
        )
        dataset._check_totals()
        return dataset

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the action's dimensions, without LeRobot's ``.pos``."""
        names = self.info["features"][ACTION]["names"]
        if isinstance(names, dict):
            names = next(iter(names.values()))
        return tuple(name.removesuffix(".pos") for name in names)

    @property
    def rate(self) -> float:
        """Frames a second, Hz."""
        return float(self.info["fps"])

    def range(self, column: str) -> Range:
        """Bounds of the state or action: of the statistics and of the data, widened.

        Args:
            column: ``observation.state`` or ``action``.
        """
        values = self.state if column == STATE else self.action
        low, high = values.min(0).astype(np.float64), values.max(0).astype(np.float64)
        if column in self.stats:
            low = np.minimum(low, self.stats[column]["min"])
            high = np.maximum(high, self.stats[column]["max"])
        margin = np.maximum(MARGIN * (high - low), 1e-3)  # a joint that never moved has no width
        return Range(tuple(low - margin), tuple(high + margin))

    def _check_totals(self) -> None:
        width = len(self.joints)
        if self.state.shape[1:] != (width,) or self.action.shape[1:] != (width,):
            raise ValueError(
                f"{self.path} names {width} joints, its states have shape "
                f"{self.state.shape[1:]} and its actions {self.action.shape[1:]}"
            )
        for what, counted in (("episodes", len(self.lengths)), ("frames", len(self.action))):
            if (said := self.info.get(f"total_{what}")) != counted:
                raise ValueError(
                    f"{self.path} says it has {said} {what} and holds {counted}: it is incomplete "
                    "or was changed, download it again"
                )


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
