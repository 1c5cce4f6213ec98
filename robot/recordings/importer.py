"""Imports recordings of others into an episode store, once.

What becomes of a frame at step t::

    observation / joint_position = state[t]
    observation / last_command   = action[t - 1]; at t = 0 the state: an arm that was sent nothing
                                   yet holds where it is
    observation / following_error = joint_position - last_command: how far the arm lags behind
    observation / command_change = last_command[t] - last_command[t - 1]; at t = 0 zero
    action                       = action[t]
    observation_time             = command_time = timestamp[t]   (there is one stamp a frame)

The two differences repeat what the fields above them say. With them, and with chunks relative to
the last command, a few episodes suffice to predict a motion; from absolute positions they do not
(docs/results/recorded). Where states are not of the action's dimensions there are no such
differences: a frame has ``observation / state`` and the action.

Units are the recording's own. Outcomes are not recorded: an episode that was kept is a success. A
LeRobotDataset that we exported says all of it itself, and is restored (``robot.lerobot.restore``).
"""

# torch and numpy know each other only at run time.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.file_lock import file_lock
from robot.lerobot.dataset import INFO, OWN, LeRobotDataset, fingerprint
from robot.lerobot.restore import restore
from robot.recordings.files import read_act, read_npz, read_robomimic
from robot.recordings.recording import Recording
from robot.recordings.torchrl_dataset import read_torchrl
from robot.schema import Range, TaskSpec

# Counts up when imports change, so that older ones are replaced.
IMPORT_VERSION = 2
# How far a command may move from the last one within a chunk, in halves of its range: faster
# motions are cut to it. More would make most motions small, which costs accuracy.
CHANGE = 0.5


@dataclass(frozen=True)
class Format:
    """One that is read.

    Attributes:
        name: for people.
        fits: whether what is at a path looks like it.
        read: it, its frames a second being given where it does not say.
        units: of states and actions.
    """

    name: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, float | None], Recording]
    units: str = "the recording's own"


LEROBOT = Format(
    "LeRobotDataset v3.0",
    lambda path: (path / INFO).is_file(),
    lambda path, _: LeRobotDataset.read(path),
    "LeRobot joint units (degrees or per cent of the calibrated range)",
)
FORMATS = (
    LEROBOT,
    Format("TorchRL dataset", lambda path: (path / "meta.json").is_file(), read_torchrl),
    Format("folder of *.npz", lambda path: any(path.glob("*.npz")), read_npz),
    Format("folder of *.hdf5 (ACT)", lambda path: any(path.glob("*.hdf5")), read_act),
    Format("*.hdf5 (robomimic)", lambda path: path.suffix in (".hdf5", ".h5"), read_robomimic),
)


def format_of(source: Path) -> Format:
    """What a recording is.

    Raises:
        FileNotFoundError: if there is nothing.
        ValueError: if it is nothing that is read.
    """
    if not source.exists():
        raise FileNotFoundError(f"there is no recording at {source}")
    for known in FORMATS:
        if known.fits(source):
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise ValueError(f"what is at {source} is not known; what can be read: {names}")


def import_recording(
    source: str | Path,
    path: str | Path,
    rate: float | None = None,
    known: Format | None = None,
) -> EpisodeStore:
    """Imports a recording, unless the store at ``path`` holds it as it is now.

    The store appears whole or not at all: it is built beside its place and moved there.

    Args:
        source: file or folder of the recording.
        path: where the store goes. An earlier import of the recording there is replaced.
        rate: frames a second, where it does not say.
        known: its format; found out, if None.

    Raises:
        ModuleNotFoundError: if what reads it is not installed.
        FileNotFoundError: if there is none.
        ValueError: if it is faulty, or ``path`` holds something else than an import.
    """
    source, path = Path(source), Path(path)
    known = known or format_of(source)
    said = fingerprint(source) if known is LEROBOT else _checksum(source)
    checksum = f"{IMPORT_VERSION} {said}" + ("" if rate is None else f" {rate}")
    if not _holds(path, checksum):
        recording = known.read(source, rate)  # before anything is written
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path.with_name(f".{path.name}.lock")):
            if not _holds(path, checksum):
                unfinished = path.with_name(f".{path.name}.unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                if isinstance(recording, LeRobotDataset) and (source / OWN).is_file():
                    restore(unfinished, recording, imported=checksum)
                else:
                    _fill(unfinished, recording, known, checksum)
                shutil.rmtree(path, ignore_errors=True)
                os.rename(unfinished, path)
    return EpisodeStore.open(path)


def _checksum(source: Path) -> str:
    """Of all files of a recording."""
    digest = hashlib.sha256()
    for file in sorted(f for f in [source, *source.rglob("*")] if f.is_file()):
        digest.update(file.relative_to(source.parent).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _holds(path: Path, checksum: str) -> bool:
    """Whether the store at ``path`` is an import of what has this checksum.

    Raises:
        ValueError: if it is no import at all.
    """
    if not (path / "metadata.json").exists():
        return False
    origin = EpisodeStore.open(path).metadata["provenance"]
    imported = origin.get("imported", origin.get("lerobot_import"))
    if imported is None:
        raise ValueError(
            f"{path} holds episodes that were not imported and would be lost: use another folder"
        )
    return imported == checksum


def recorded_spec(recording: Recording, task: str) -> TaskSpec:
    """The task of a recording: joints and rate as it says, ranges by its numbers."""
    state, action = recording.state_range, recording.action_range
    if len(state) != len(action):
        observation = {"state": state, "last_command": action}
        return TaskSpec(task, recording.rate, recording.joints, observation, action)
    either = Range(  # at the first step, the last command is a state
        tuple(min(pair) for pair in zip(state.low, action.low, strict=True)),
        tuple(max(pair) for pair in zip(state.high, action.high, strict=True)),
    )
    episodes: list[TensorDictBase] = [_episode(recording, frames) for frames in _frames(recording)]

    def largest(field: str) -> Tensor:
        """Magnitude per dimension, ``[A]``."""
        values: list[Tensor] = [e.get(("observation", field)) for e in episodes]
        return torch.cat(values).abs().amax(0)

    half = [CHANGE * (high - low) / 2 for low, high in zip(either.low, either.high, strict=True)]
    return TaskSpec(
        task=task,
        rate=recording.rate,
        joints=recording.joints,
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


def _frames(recording: Recording) -> list[slice]:
    """Which frames each episode has."""
    ends = np.cumsum(recording.lengths).tolist()
    return [slice(end - length, end) for end, length in zip(ends, recording.lengths, strict=True)]


def _fill(path: Path, recording: Recording, known: Format, checksum: str) -> None:
    task = recording.path.resolve().stem
    spec = recorded_spec(recording, task)
    store = EpisodeStore.create(
        path,
        spec,
        units=dict.fromkeys((*spec.observation, "action"), known.units),
        source=str(recording.path.resolve()),
        imported=checksum,
        robot_type=recording.robot_type,
    )
    for index, frames in enumerate(_frames(recording)):
        seconds = (frames.stop - frames.start) / recording.rate
        info = EpisodeInfo(
            operator="unknown",
            success=True,
            human_s=seconds,
            robot_s=seconds,
            notes=f"episode {index} of {task}",
        )
        store.append(_episode(recording, frames), info)


def _episode(recording: Recording, frames: slice) -> TensorDict:
    """One episode, batch size ``[T]``."""
    state = torch.from_numpy(recording.state[frames].copy())  # [T, S]
    action = torch.from_numpy(recording.action[frames].copy())  # [T, A]
    time = torch.from_numpy(recording.timestamp[frames].astype(np.float64))[:, None]  # [T, 1]
    alike = state.shape == action.shape
    sent = torch.cat([state[:1] if alike else action[:1], action[:-1]])  # [T, A] the last command
    last = torch.zeros(len(action), 1, dtype=torch.bool)
    last[-1] = True
    observation = {"state": state, "last_command": sent}
    if alike:
        observation = {
            "joint_position": state,
            "last_command": sent,
            "following_error": state - sent,
            "command_change": sent.diff(dim=0, prepend=sent[:1]),
        }
    return TensorDict(
        {
            "observation": observation,
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
