"""Restores an episode store from the LeRobotDataset it was exported as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.lerobot.columns import Layout
from robot.lerobot.dataset import OWN, LeRobotDataset, read_columns, read_json
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
    columns = read_columns(dataset.path, layout.fields)
    store = EpisodeStore.create(path, spec, units=units, **{**origin, **provenance})
    ends = np.cumsum(dataset.lengths)
    for info, length, end in zip(infos, dataset.lengths, ends, strict=True):
        rows = slice(int(end) - length, int(end))
        store.append(layout.episode({k: v[rows] for k, v in columns.items()}), info)
