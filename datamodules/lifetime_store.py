"""Lifetimes on disk: parts of equally many, each written whole or not at all.

::

    <path>/metadata.json      the task, the shapes, and how the attempts were made
    <path>/part-00007/        lifetimes 7 n .. 8 n - 1, one memory-mapped TensorDict
    <path>/probe.json         whether the actions give the hidden parameters away

A part is a function of its number and of the metadata: a writer that was stopped goes on with the
first part that is missing, and ends with the same files as one that was not.

Symbols: N lifetimes, H episodes of each, L most decisions of an episode, T most environment steps,
To observation and Tp prediction horizon, Do and A dimensions of an observation and an action.

=====================  ================  ==========================================================
key                    shape             meaning
=====================  ================  ==========================================================
``observation``        [N, H, L, To, Do] flat, what policies read, at each decision
``last_command``       [N, H, L, A]      the action sent before it (rad, m)
``action``             [N, H, T, A]      what was executed (rad, m)
``oracle``             [N, H, L, Tp, A]  what an oracle would do at each decision (rad, m)
``length``             [N, H]            environment steps of each episode
``success``            [N, H]            bool
``phi``                [N, P]            task parameters; no policy may read them
=====================  ================  ==========================================================

Past an episode's end everything is zero.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import torch
from tensordict import TensorDict, TensorDictBase

SCHEMA_VERSION = 1
# Of the metadata: what origin() says.
NEEDED = ("task", "spec", "observation_horizon", "prediction_horizon", "action_horizon")
FIELDS = ("observation", "last_command", "action", "oracle", "length", "success", "phi")


def origin(task: Any, horizons: Any) -> dict[str, Any]:
    """The metadata that every reader needs: of which task, and in steps of which length.

    Args:
        task: the DataModule.
        horizons: with ``observation`` (To), ``prediction`` (Tp) and ``action`` (Ta).
    """
    return {
        "task": task.task_name,
        "spec": task.spec.to_dict(),
        "observation_horizon": horizons.observation,
        "prediction_horizon": horizons.prediction,
        "action_horizon": horizons.action,
    }


class LifetimeStore:
    """Reads and writes the lifetimes of one task.

    Args:
        path: the folder.
        metadata: what it says of them.
    """

    def __init__(self, path: Path, metadata: dict[str, Any]) -> None:
        self.path, self.metadata = path, metadata

    @classmethod
    def open(cls, path: str | Path) -> LifetimeStore:
        """Opens what is there.

        Raises:
            FileNotFoundError: if there is nothing.
            ValueError: if it was written under another schema, or cannot be read.
        """
        file = Path(path) / "metadata.json"
        if not file.is_file():
            raise FileNotFoundError(
                f"no lifetimes at {str(path)!r}: 'python train.py predict --config "
                "configs/<task>/lifetimes.yaml' makes some"
            )
        try:
            metadata = json.loads(file.read_text())
        except ValueError as error:
            raise ValueError(f"{str(file)!r} cannot be read ({error})") from error
        if not isinstance(metadata, dict) or "schema_version" not in metadata:
            raise ValueError(f"{str(file)!r} does not say what the lifetimes are")
        if metadata["schema_version"] != SCHEMA_VERSION:
            raise ValueError(
                f"the lifetimes at {str(path)!r} have schema version "
                f"{metadata['schema_version']}, this software reads {SCHEMA_VERSION}"
            )
        if lacking := [key for key in NEEDED if key not in metadata]:
            raise ValueError(f"{str(file)!r} lacks {', '.join(lacking)}")
        return cls(Path(path), metadata)

    @classmethod
    def open_or_create(cls, path: str | Path, metadata: dict[str, Any]) -> LifetimeStore:
        """Opens what is there if it was made in the same way, else begins.

        Raises:
            ValueError: if the folder holds lifetimes that were made otherwise; names a difference.
        """
        # As it will be read again: tuples become lists.
        metadata = json.loads(json.dumps({**metadata, "schema_version": SCHEMA_VERSION}))
        try:
            store = cls.open(path)
        except FileNotFoundError:
            Path(path).mkdir(parents=True, exist_ok=True)
            _write(Path(path) / "metadata.json", metadata)
            return cls(Path(path), metadata)
        for key in metadata:
            if store.metadata.get(key) != metadata[key]:
                raise ValueError(
                    f"{str(path)!r} holds lifetimes whose {key} is {store.metadata.get(key)}, here "
                    f"it is {metadata[key]}: give another path, or remove it"
                )
        return store

    def parts(self) -> list[int]:
        """Numbers of the parts that are there."""
        named = self.path.glob("part-" + "[0-9]" * 5)
        return sorted(int(path.name.removeprefix("part-")) for path in named)

    @property
    def wanted(self) -> int:
        """How many there are to be in the end; 0 if nobody has said so."""
        file = self.path / "wanted.json"
        return int(json.loads(file.read_text())["lifetimes"]) if file.is_file() else 0

    @wanted.setter
    def wanted(self, lifetimes: int) -> None:
        _write(self.path / "wanted.json", {"lifetimes": lifetimes})

    def write(self, part: int, lifetimes: TensorDictBase) -> None:
        """Adds a part.

        Raises:
            ValueError: if a field is missing or not finite, or one lifetime is not of one phi.
        """
        if missing := [name for name in FIELDS if name not in lifetimes]:
            raise ValueError(f"lifetimes lack {', '.join(missing)}")
        if lifetimes["phi"].ndim != 2:
            raise ValueError(
                f"phi has shape {tuple(lifetimes['phi'].shape)}, a lifetime has one phi: [N, P]"
            )
        for name in FIELDS:
            if not lifetimes[name].isfinite().all():
                raise ValueError(f"the lifetimes' {name} is not finite")
        temporary = self.path / f".unfinished-{part:05d}"
        shutil.rmtree(temporary, ignore_errors=True)
        lifetimes.select(*FIELDS).contiguous().memmap(str(temporary))
        temporary.rename(self.path / f"part-{part:05d}")

    def part(self, part: int) -> TensorDict:
        """The lifetimes of one part.

        Raises:
            ValueError: if a file of it is missing or not as long as it was.
        """
        folder = self.path / f"part-{part:05d}"
        _check_whole(folder)
        return TensorDict.load_memmap(folder)

    def load(self) -> TensorDict:
        """All lifetimes, ``[N]``.

        Raises:
            ValueError: if there are none.
        """
        parts = [self.part(part) for part in self.parts()]
        if not parts:
            raise ValueError(f"there are no lifetimes at {str(self.path)!r} yet")
        return cast("TensorDict", TensorDict.cat(parts))

    def write_probe(self, found: dict[str, float]) -> None:
        """Keeps what a leak test has found."""
        _write(self.path / "probe.json", found)

    def probe(self) -> dict[str, float]:
        """What it has found; empty if none was made."""
        file = self.path / "probe.json"
        return json.loads(file.read_text()) if file.is_file() else {}


def _check_whole(folder: Path) -> None:
    """Refuses a part that was cut short: what is missing would be read as zeros."""
    try:
        fields: dict[str, Any] = json.loads((folder / "meta.json").read_text())
        for name in FIELDS:
            dtype = getattr(torch, fields[name]["dtype"].removeprefix("torch."))
            expected = math.prod(fields[name]["shape"]) * dtype.itemsize
            if (folder / f"{name}.memmap").stat().st_size != expected:
                raise ValueError(f"{name}.memmap does not hold {expected} bytes")
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"the lifetimes in {str(folder)!r} are broken ({error}): remove that folder, and "
            "'python train.py predict' makes them again"
        ) from error


def _write(file: Path, content: dict[str, Any]) -> None:
    """Writes a whole file or nothing."""
    # Ranks write the same at the same time: each to a file of its own first.
    temporary = file.with_name(f".{file.name}-{uuid4().hex}")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.rename(file)
