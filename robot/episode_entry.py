"""One episode on disk: a folder with its steps, what is known of it, and films.

Sizes and checksums of the files are in ``info.json``: what was cut off or changed is found.
"""

# tensordict ships partial type information: what it leaves unknown is not ours.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensordict import TensorDict

from robot.episode_info import EpisodeInfo
from robot.film import Film


class EpisodeEntry:
    """The folder of an episode.

    Args:
        path: of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, steps: TensorDict, info: EpisodeInfo, films: Mapping[str, Film]) -> None:
        """Makes the folder and writes all files through to the disk.

        Raises:
            OSError: if they cannot be written.
        """
        self.path.mkdir()
        # Through a buffer: a mapped file on a full disk kills the process.
        steps.consolidate(filename=self._steps, metadata=True, use_buffer=True)
        flush(self._steps)
        for camera, film in films.items():
            shutil.copyfile(film.file, self._film(camera))
            flush(self._film(camera))
        record = {
            "info": info.to_dict(),
            "steps": len(steps),
            **_checked(self._steps),
            "films": {
                camera: {"stamps": film.stamps, **_checked(self._film(camera))}
                for camera, film in films.items()
            },
        }
        write_text(self.path / "info.json", json.dumps(record, indent=2))
        flush(self.path)

    def load(self) -> TensorDict:
        """The steps ``[T]``, mapped from the disk.

        Raises:
            ValueError: if they are truncated or changed.
        """
        self._check(self._steps, self._record())
        return TensorDict.from_consolidated(self._steps)

    def films(self) -> dict[str, Film]:
        """By camera.

        Raises:
            ValueError: if one is truncated or changed.
        """
        found: dict[str, Film] = {}
        for camera, record in self._record().get("films", {}).items():
            self._check(self._film(camera), record)
            found[camera] = Film(self._film(camera), tuple(record["stamps"]))
        return found

    def cameras(self) -> list[str]:
        """Those that filmed it."""
        return list(self._record().get("films", {}))

    def info(self) -> EpisodeInfo:
        """Where it comes from."""
        return EpisodeInfo.from_dict(self._record()["info"])

    def num_steps(self) -> int:
        """Its length."""
        return int(self._record()["steps"])

    @property
    def _steps(self) -> Path:
        return self.path / "steps"

    def _film(self, camera: str) -> Path:
        return self.path / f"{camera}.mp4"

    def _record(self) -> dict[str, Any]:
        file = self.path / "info.json"
        try:
            record = json.loads(file.read_text())
            EpisodeInfo.from_dict(record["info"])
            return {**record, "bytes": int(record["bytes"]), "crc32": int(record["crc32"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{file} is truncated or damaged ({error!r}): delete {self.path} or "
                "restore it from a backup"
            ) from error

    def _check(self, file: Path, record: Mapping[str, Any]) -> None:
        """Whether a file is as it was written."""
        found = _checked(file) if file.is_file() else {"bytes": 0, "crc32": 0}
        if found != {name: record[name] for name in found}:
            raise ValueError(
                f"{file} is truncated or damaged ({found['bytes']} of {record['bytes']} bytes, or "
                f"another checksum): delete {file.parent} or restore it from a backup"
            )


def _checked(file: Path) -> dict[str, int]:
    """Size and checksum of a file."""
    content = file.read_bytes()
    return {"bytes": len(content), "crc32": zlib.crc32(content)}


def write_text(path: Path, text: str) -> None:
    """Writes a text file through to the disk."""
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def flush(path: Path) -> None:
    """Forces a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
