"""The episode store on disk: one folder a task, one entry an episode, appended atomically.

::

    data/<task>/metadata.json                what was recorded: task, units, software, provenance
    data/<task>/.lock                        serialises writers; holds the next episode id
    data/<task>/episodes/00000042/steps      the steps, one consolidated TensorDict
    data/<task>/episodes/00000042/info.json  EpisodeInfo, sizes and checksums, stamps of pictures
    data/<task>/episodes/00000042/<camera>.mp4   what a camera saw, if it was filmed

An entry is written under a temporary name, flushed to the disk and renamed, so a reader sees a
whole episode or none. All writing happens under the lock, which the system releases when a writer
dies: a temporary entry found while holding it belongs to a dead writer and is removed.
"""

# tensordict ships partial type information: what it leaves unknown is not ours.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from tensordict import TensorDict, TensorDictBase

from robot.episode_check import check_episode
from robot.episode_entry import EpisodeEntry, flush, write_text
from robot.episode_info import EpisodeInfo
from robot.file_lock import file_lock
from robot.film import FRAME, Film
from robot.schema import OBSERVATION_TIME, TaskSpec

SCHEMA_VERSION = 2
SI_UNITS = {
    "joint_position": "rad",
    "joint_velocity": "rad/s",
    "gripper_opening": "m",
    "posture": "rad",
    "last_command": "rad, gripper m",
    "pending_command": "rad, gripper m",
    "object_position": "m",
    "object_place": "m",
    "object_offset": "m",
    "object_size": "m",
    "action": "rad, gripper m",
    "observation_time": "s",
    "command_time": "s",
}
_TEMPORARY = ".unfinished-"


class SchemaVersionError(ValueError):
    """A store was written under a schema that this software does not read."""


class EpisodeStore:
    """Episodes of one task on disk; safe to read while other processes append.

    Episodes are known by global ids, numbers that count up and are never given out twice.

    Construct with :meth:`create`, :meth:`open` or :meth:`open_or_create`.
    """

    def __init__(self, path: Path, metadata: dict[str, Any]) -> None:
        self.path = path
        self.metadata = metadata
        self.spec = TaskSpec.from_dict(metadata["spec"])

    @classmethod
    def create(
        cls,
        path: str | Path,
        spec: TaskSpec,
        *,
        units: Mapping[str, str] | None = None,
        **provenance: Any,
    ) -> EpisodeStore:
        """Makes an empty store.

        Args:
            path: folder, not a store yet.
            spec: the task whose episodes it will hold.
            units: unit by field where it is not the SI unit of :mod:`robot.schema`.
            provenance: where the episodes come from; anything that JSON can hold.

        Raises:
            FileExistsError: if there is a store already.
        """
        path = Path(path)
        metadata = {
            "schema_version": SCHEMA_VERSION,
            "spec": spec.to_dict(),
            "units": {**SI_UNITS, **(units or {})},
            "software": {"beachhead": _software_version()},
            "provenance": provenance,
        }
        path.mkdir(parents=True, exist_ok=True)
        with file_lock(path / ".lock"):
            if (path / "metadata.json").exists():
                raise FileExistsError(f"there is an episode store at {path} already")
            (path / "episodes").mkdir(exist_ok=True)
            write_text(path / ".metadata.json", json.dumps(metadata, indent=2))
            os.rename(path / ".metadata.json", path / "metadata.json")
            flush(path)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> EpisodeStore:
        """Opens a store, and removes what writers that died have left in it.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it cannot be read; :class:`SchemaVersionError` if it was written under
                another schema version.
        """
        path = Path(path)
        if not (path / "metadata.json").is_file():
            raise FileNotFoundError(
                f"there is no episode store at {path}: correct the path, or record one "
                "('python train.py fit' does, where a task can be scripted)"
            )
        try:
            metadata = json.loads((path / "metadata.json").read_text())
            if (found := metadata["schema_version"]) != SCHEMA_VERSION:
                raise SchemaVersionError(
                    f"the episode store at {path} has schema version {found}, this software reads "
                    f"{SCHEMA_VERSION}: record anew, or use the version of Beachhead that wrote it"
                )
            store = cls(path, metadata)
            store.ids  # noqa: B018 - the folder of episodes must be there
        except SchemaVersionError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"the episode store at {path} cannot be read ({error!r}): restore it from a "
                "backup, or record anew into another folder"
            ) from error
        store._remove_unfinished()
        return store

    @classmethod
    def open_or_create(
        cls,
        path: str | Path,
        spec: TaskSpec,
        *,
        units: Mapping[str, str] | None = None,
        **provenance: Any,
    ) -> EpisodeStore:
        """Opens the store at ``path``, or makes it.

        Raises:
            ValueError: if the store there holds another task, or one with other fields or rate.
        """
        try:
            store = cls.create(path, spec, units=units, **provenance)
        except FileExistsError:
            store = cls.open(path)
        if store.spec.to_dict() != TaskSpec.from_dict(spec.to_dict()).to_dict():
            raise ValueError(
                f"the episode store at {path} holds task {store.spec.task!r} at {store.spec.rate} "
                f"Hz, whose fields, ranges or rate differ from those of {spec.task!r} at "
                f"{spec.rate} Hz: use another folder"
            )
        return store

    @property
    def ids(self) -> list[int]:
        """Ids of the finished episodes on disk at this moment, in ascending order."""
        names = os.listdir(self.path / "episodes")
        return sorted(int(name) for name in names if name.isdigit())

    def __len__(self) -> int:
        return len(self.ids)

    def append(
        self,
        episode: TensorDictBase,
        info: EpisodeInfo,
        films: Mapping[str, Film] | None = None,
    ) -> int:
        """Adds an episode; it is on the disk, whole, when this returns.

        Args:
            episode: batch size ``[T]``, keys of :mod:`robot.schema`.
            info: where it comes from.
            films: by camera, copied. The episode says at each step which picture was the last one,
                ``frame / <camera>`` ``[T, 1]``.

        Returns:
            The new episode's id.

        Raises:
            ValueError: if the episode does not fit the task or holds NaN; nothing is written.
            OSError: if it cannot be written, as to a full disk; nothing of it stays.
        """
        check_episode(episode, self.spec)
        steps = TensorDict(episode.to_dict(), batch_size=episode.batch_size).cpu().contiguous()
        films = films or {}
        for camera, film in films.items():
            steps[FRAME, camera] = film.frames_at(steps[OBSERVATION_TIME])
        folder = self.path / "episodes"
        with file_lock(self.path / ".lock") as lock:
            self._remove_temporary()
            episode_id = max([_next(lock), *(i + 1 for i in self.ids)])
            temporary = folder / f"{_TEMPORARY}{os.getpid()}"
            try:
                EpisodeEntry(temporary).write(steps, info, films)
            except OSError as error:
                shutil.rmtree(temporary, ignore_errors=True)
                raise OSError(
                    f"an episode cannot be written to {self.path}, nothing of it is kept, and the "
                    f"{len(self)} that are there are whole: {error}"
                ) from error
            os.rename(temporary, self._folder(episode_id))
            flush(folder)
            with suppress(OSError):  # a disk that is full now: the episode itself says its id
                _set_next(lock, episode_id + 1)
        return episode_id

    def delete(self, episode_id: int) -> None:
        """Removes an episode, whole: a reader sees it or does not.

        Raises:
            KeyError: if there is no such episode.
        """
        with file_lock(self.path / ".lock") as lock:
            entry = self._entry(episode_id).path
            _set_next(lock, max(_next(lock), episode_id + 1))  # it is not given out again
            os.rename(entry, entry.with_name(f"{_TEMPORARY}{os.getpid()}"))
            flush(entry.parent)
            self._remove_temporary()

    def load(self, episode_id: int) -> TensorDict:
        """The steps of an episode, batch size ``[T]``, mapped from the disk: do not write to them.

        Raises:
            KeyError: if there is no such episode.
            ValueError: if its files are truncated or changed.
        """
        return self._entry(episode_id).load()

    def cameras(self, episode_id: int) -> list[str]:
        """Those that filmed an episode, without looking at the films.

        Raises:
            KeyError: if there is no such episode.
            ValueError: if its information cannot be read.
        """
        return self._entry(episode_id).cameras()

    def films(self, episode_id: int) -> dict[str, Film]:
        """What cameras saw, by their names; empty if none was filmed.

        Raises:
            KeyError: if there is no such episode.
            ValueError: if its files are truncated or changed.
        """
        return self._entry(episode_id).films()

    def info(self, episode_id: int) -> EpisodeInfo:
        """Where an episode comes from.

        Raises:
            KeyError: if there is no such episode.
            ValueError: if its information cannot be read.
        """
        return self._entry(episode_id).info()

    def num_steps(self, episode_id: int) -> int:
        """Length of an episode, without loading it."""
        return self._entry(episode_id).num_steps()

    def total_seconds(self) -> dict[str, float]:
        """Seconds of all episodes by kind: ``human``, ``scripted``, ``robot``."""
        infos = [self.info(i) for i in self.ids]
        return {
            "human": sum(info.human_s for info in infos),
            "scripted": sum(info.scripted_s for info in infos),
            "robot": sum(info.robot_s for info in infos),
        }

    def _entry(self, episode_id: int) -> EpisodeEntry:
        """Of an episode that is there."""
        entry = EpisodeEntry(self._folder(episode_id))
        if not entry.path.is_dir():
            raise KeyError(f"no episode {episode_id} in {self.path}; there are {self.ids}")
        return entry

    def _folder(self, episode_id: int) -> Path:
        return self.path / "episodes" / f"{episode_id:08d}"

    def _remove_unfinished(self) -> None:
        """Removes temporary entries if no writer is at work; a read-only disk is left as it is."""
        if not any(n.startswith(_TEMPORARY) for n in os.listdir(self.path / "episodes")):
            return
        try:
            with file_lock(self.path / ".lock", wait=False):
                self._remove_temporary()
        except OSError:
            return

    def _remove_temporary(self) -> None:
        for entry in (self.path / "episodes").glob(f"{_TEMPORARY}*"):
            shutil.rmtree(entry)


def _next(lock: TextIO) -> int:
    """The next id, which the lock file holds."""
    lock.seek(0)
    return int(lock.read() or 0)


def _set_next(lock: TextIO, episode_id: int) -> None:
    """Notes the next id in place: it never gets shorter."""
    lock.seek(0)
    lock.write(str(episode_id))
    lock.flush()


def _software_version() -> str:
    try:
        return version("beachhead")
    except PackageNotFoundError:
        return "not installed"
