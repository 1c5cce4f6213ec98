"""Restores an episode store from the LeRobotDataset it was exported as."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.film import Film
from robot.lerobot.columns import Columns, Layout
from robot.lerobot.dataset import OWN, LeRobotDataset, read_columns, read_json
from robot.lerobot.films import TAKEN, restored_films
from robot.schema import TaskSpec


def restore(path: Path, dataset: LeRobotDataset, **provenance: Any) -> None:
    """Makes the store anew; its episodes are numbered from 0.

    Args:
        path: where it goes.
        dataset: checked.
        provenance: that is added to what the store says of its origin.

    Raises:
        ValueError: if what we said of the episodes does not fit the dataset.
    """
    file = dataset.path / OWN
    own = read_json(file)
    try:
        metadata, infos = own["metadata"], [EpisodeInfo.from_dict(i) for i in own["episodes"]]
        layout, spec = Layout(own["shapes"]), TaskSpec.from_dict(metadata["spec"])
        units, origin = metadata["units"], metadata["provenance"]
        cameras: list[str] = own["cameras"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is not as we write it ({error!r}): export anew, or delete it to import the "
            "dataset as anybody's"
        ) from error
    if len(infos) != len(dataset.lengths):
        raise ValueError(
            f"{file} tells of {len(infos)} episodes, the dataset holds {len(dataset.lengths)}: "
            "export anew, or delete it to import the dataset as anybody's"
        )
    columns = read_columns(dataset.path, [*layout.fields, *(TAKEN + k for k in cameras)])
    store = EpisodeStore.create(path, spec, units=units, **{**origin, **provenance})
    episodes = [
        {name: values[end - length : end] for name, values in columns.items()}
        for length, end in zip(dataset.lengths, np.cumsum(dataset.lengths).tolist(), strict=True)
    ]
    with ExitStack() as opened:
        films = {k: _films(dataset, k, episodes, opened) for k in cameras}
        for info, rows in zip(infos, episodes, strict=True):
            taken = {camera: next(film) for camera, film in films.items()}
            store.append(layout.episode(rows), info, taken)


def _films(
    dataset: LeRobotDataset, camera: str, episodes: list[Columns], opened: ExitStack
) -> Iterator[Film]:
    folder = opened.enter_context(TemporaryDirectory(prefix="film-"))
    stamps = [rows[TAKEN + camera].tolist() for rows in episodes]
    return restored_films(dataset.path, camera, round(dataset.rate), stamps, Path(folder))
