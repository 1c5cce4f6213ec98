"""Imports a LeRobotDataset into an episode store, once.

What becomes of a frame at step t::

    observation / joint_position = observation.state[t]
    observation / last_command   = action[t - 1]; at t = 0 the state: an arm that was sent nothing
                                   yet holds where it is
    observation / following_error = joint_position - last_command: how far the arm lags behind
    observation / command_change = last_command[t] - last_command[t - 1]; at t = 0 zero
    action                       = action[t]
    observation_time             = command_time = timestamp[t]   (LeRobot keeps one stamp a frame)

The two differences repeat what the fields above them say. With them, and with chunks relative to
the last command, a few episodes suffice to predict a motion; from absolute positions they do not
(docs/results/recorded).

Units are the dataset's own. LeRobot records no outcome: an episode that was kept is a success.
A dataset that we exported says all of it itself, and is restored (``robot.lerobot.restore``).
"""

# torch and numpy know each other only at run time.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.file_lock import file_lock
from robot.lerobot.dataset import ACTION, OWN, STATE, LeRobotDataset, fingerprint
from robot.lerobot.restore import restore
from robot.schema import Range, TaskSpec

UNITS = "LeRobot joint units (degrees or per cent of the calibrated range)"
# Counts up when imports change, so that older ones are replaced.
IMPORT_VERSION = 2
# How far a command may move from the last one within a chunk, in halves of its range: faster
# motions are cut to it. More would make most motions small, which costs accuracy.
CHANGE = 0.5


def import_lerobot(source: str | Path, path: str | Path) -> EpisodeStore:
    """Imports a dataset, unless the store at ``path`` holds it as it is now.

    The store appears whole or not at all: it is built beside its place and moved there.

    Args:
        source: folder of a LeRobotDataset v3.0.
        path: where the store goes. An earlier import of the dataset there is replaced.

    Raises:
        ModuleNotFoundError: if pyarrow is not installed.
        FileNotFoundError: if there is no dataset.
        ValueError: if the dataset is faulty, or ``path`` holds something else than an import.
    """
    source, path = Path(source), Path(path)
    checksum = f"{IMPORT_VERSION} {fingerprint(source)}"
    if not _holds(path, checksum):
        dataset = LeRobotDataset.read(source)  # before anything is written
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path.with_name(f".{path.name}.lock")):
            if not _holds(path, checksum):
                unfinished = path.with_name(f".{path.name}.unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                if (source / OWN).is_file():
                    restore(unfinished, dataset, lerobot_import=checksum)
                else:
                    _fill(unfinished, dataset, source.resolve().name, checksum)
                shutil.rmtree(path, ignore_errors=True)
                os.rename(unfinished, path)
    return EpisodeStore.open(path)


def _holds(path: Path, checksum: str) -> bool:
    """Whether the store at ``path`` is an import of the dataset with this checksum.

    Raises:
        ValueError: if it is no import at all.
    """
    if not (path / "metadata.json").exists():
        return False
    imported = EpisodeStore.open(path).metadata["provenance"].get("lerobot_import")
    if imported is None:
        raise ValueError(
            f"{path} holds episodes that were not imported from LeRobot and would be lost: "
            "use another folder"
        )
    return imported == checksum


def lerobot_spec(dataset: LeRobotDataset, task: str) -> TaskSpec:
    """The task of a dataset: joints and rate by its metadata, ranges by its statistics."""
    state, action = dataset.range(STATE), dataset.range(ACTION)
    either = Range(  # at the first step, the last command is a state
        tuple(min(pair) for pair in zip(state.low, action.low, strict=True)),
        tuple(max(pair) for pair in zip(state.high, action.high, strict=True)),
    )
    episodes: list[TensorDictBase] = [_episode(dataset, frames) for frames in _frames(dataset)]

    def largest(field: str) -> Tensor:
        """Magnitude per dimension, ``[A]``."""
        values: list[Tensor] = [e.get(("observation", field)) for e in episodes]
        return torch.cat(values).abs().amax(0)

    half = [CHANGE * (high - low) / 2 for low, high in zip(either.low, either.high, strict=True)]
    return TaskSpec(
        task=task,
        rate=dataset.rate,
        joints=dataset.joints,
        observation={
            "joint_position": state,
            "last_command": either,
            "following_error": _symmetric(largest("following_error")),
            "command_change": _symmetric(largest("command_change")),
        },
        action=either,
        action_change=_symmetric(torch.tensor(half)),
    )


def _symmetric(half_range: Tensor) -> Range:
    """Bounds on either side of zero, which is what a difference is for an arm at rest."""
    high = [max(float(x), 1e-3) for x in half_range]  # a joint that never moved has no width
    return Range(tuple(-x for x in high), tuple(high))


def _frames(dataset: LeRobotDataset) -> list[slice]:
    """Which frames each episode has."""
    ends = np.cumsum(dataset.lengths).tolist()
    return [slice(end - length, end) for end, length in zip(ends, dataset.lengths, strict=True)]


def _fill(path: Path, dataset: LeRobotDataset, task: str, checksum: str) -> None:
    spec = lerobot_spec(dataset, task)
    store = EpisodeStore.create(
        path,
        spec,
        units=dict.fromkeys((*spec.observation, "action"), UNITS),
        source=str(dataset.path.resolve()),
        lerobot_import=checksum,
        robot_type=dataset.info.get("robot_type"),
    )
    for index, frames in enumerate(_frames(dataset)):
        seconds = (frames.stop - frames.start) / dataset.rate
        info = EpisodeInfo(
            operator="unknown",
            success=True,
            human_s=seconds,
            robot_s=seconds,
            notes=f"episode {index} of {task}",
        )
        store.append(_episode(dataset, frames), info)


def _episode(dataset: LeRobotDataset, frames: slice) -> TensorDict:
    """One episode, batch size ``[T]``."""
    state = torch.from_numpy(dataset.state[frames].copy())  # [T, A]
    action = torch.from_numpy(dataset.action[frames].copy())  # [T, A]
    time = torch.from_numpy(dataset.timestamp[frames].astype(np.float64))[:, None]  # [T, 1]
    sent = torch.cat([state[:1], action[:-1]])  # [T, A] the last command
    last = torch.zeros(len(action), 1, dtype=torch.bool)
    last[-1] = True
    return TensorDict(
        {
            "observation": {
                "joint_position": state,
                "last_command": sent,
                "following_error": state - sent,
                "command_change": sent.diff(dim=0, prepend=sent[:1]),
            },
            "action": action,
            "observation_time": time,
            "command_time": time.clone(),
            "next": {
                "reward": last.to(torch.float32),
                "terminated": last,
                "truncated": torch.zeros_like(last),
                "done": last.clone(),
            },
        },
        batch_size=[len(action)],
    )
