"""Exports an episode store as a LeRobotDataset v3.0: LeRobot reads it, and so do we, to the bit.

``robot.lerobot.columns`` says which columns there are; ``timestamp`` is the frame's number by the
rate, as LeRobot wants it, and the stamps that were taken are columns of their own. What the format
has no place for is in ``meta/beachhead.json``: the store's metadata, what is known of each episode,
the shapes of fields.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from robot.data_card import write_card
from robot.episodes import EpisodeStore
from robot.lerobot.columns import ENVIRONMENT, STATE_FIELDS, Columns, Layout
from robot.lerobot.dataset import ACTION, EPISODES_FILE, INFO, OWN, STATE, STATS, VERSION
from robot.lerobot.films import IMAGES, TAKEN, VIDEO_FILE, common_cameras, export_film
from robot.lerobot.parquet import write_parquet

DATA_FILE = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
FRAMES_PER_FILE = 100_000


def export_lerobot(
    store: EpisodeStore, path: str | Path, *, films: bool = True, licence: str | None = None
) -> None:
    """Writes all episodes of a store; the dataset appears whole or not at all.

    Args:
        store: not empty; its rate is a whole number, which LeRobot demands.
        path: folder that is made.
        films: whether they are exported, too; numbers alone are much smaller.
        licence: of its card, see :func:`robot.data_card.write_card`.

    Raises:
        ModuleNotFoundError: if pyarrow is not installed.
        FileExistsError: if there is something at ``path``.
        ValueError: if the store cannot be exported, an episode cannot be read, or a camera filmed
            some episodes only.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"there is something at {path} already: export to a new folder")
    if not store.ids:
        raise ValueError(f"{store.path} holds no episode yet, nothing is exported")
    if store.spec.rate != round(store.spec.rate):
        raise ValueError(
            f"{store.path} has {store.spec.rate:g} steps a second; LeRobot knows whole numbers only"
        )
    cameras = common_cameras(store) if films else []
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _write(store, unfinished, cameras)
        write_card(store, unfinished, licence)
        os.rename(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(store: EpisodeStore, path: Path, cameras: Sequence[str]) -> None:
    ids = store.ids
    layout = Layout.of(store.load(ids[0]))
    if layout.width(STATE) != store.spec.action_dim:
        raise ValueError(
            f"task {store.spec.task!r} has {layout.width(STATE)} numbers of "
            f"{' and '.join(STATE_FIELDS)}, and an action of {store.spec.action_dim}: LeRobot "
            "wants a state like the action"
        )
    rows = [layout.columns(store.load(i)) for i in track(ids, "exporting", transient=True)]
    lengths = [store.num_steps(i) for i in ids]
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    columns |= _counting(lengths, store.spec.rate)
    starts = np.cumsum([0, *lengths[:-1]])
    files = np.unique(starts // FRAMES_PER_FILE, return_inverse=True)[1].tolist()
    filmed = {k: export_film(store, k, path, lengths, files) for k in cameras}
    columns |= {f"{TAKEN}{camera}": film.taken for camera, film in filmed.items()}
    for file in range(max(files) + 1):
        held = np.repeat(np.array(files) == file, lengths)
        one = {k: v[held, 0] if v.shape[1] == 1 else v[held] for k, v in columns.items()}
        write_parquet(path / DATA_FILE.format(chunk_index=0, file_index=file), one)
    task = store.spec.task.replace("_", " ")
    said = {"task_index": [0], "task": [task]}
    write_parquet(path / "meta" / "tasks.parquet", said, index="task")
    table = _episodes(lengths, files, task)
    for film in filmed.values():
        table |= film.places
    write_parquet(path / EPISODES_FILE, table)
    joints = [f"{joint}.pos" for joint in store.spec.joints]
    names = {STATE: joints, ACTION: joints}
    if ENVIRONMENT in columns:
        names[ENVIRONMENT] = layout.names(ENVIRONMENT)
    own = {
        "metadata": store.metadata,
        "shapes": layout.shapes,
        "cameras": list(cameras),
        "episodes": [store.info(i).to_dict() for i in ids],
    }
    info = _info(store, columns, names, lengths)
    info["features"] |= {IMAGES + camera: film.feature for camera, film in filmed.items()}
    info["video_path"] = VIDEO_FILE if filmed else None
    statistics = {name: _statistics(values) for name, values in columns.items()}
    statistics |= {IMAGES + camera: film.statistics for camera, film in filmed.items()}
    (path / INFO).write_text(json.dumps(info, indent=2))
    (path / STATS).write_text(json.dumps(statistics))
    (path / OWN).write_text(json.dumps(own, indent=2))


def _counting(lengths: list[int], rate: float) -> Columns:
    """The columns that number the frames, ``[N, 1]``."""
    frame = np.concatenate([np.arange(n) for n in lengths])
    return {
        "timestamp": (frame / rate).astype(np.float32)[:, None],
        "frame_index": frame[:, None],
        "episode_index": np.repeat(np.arange(len(lengths)), lengths)[:, None],
        "index": np.arange(len(frame))[:, None],
        "task_index": np.zeros_like(frame)[:, None],
    }


def _episodes(lengths: list[int], files: list[int], task: str) -> dict[str, Any]:
    """Where the frames of each episode are."""
    ends, zeros = np.cumsum(lengths), np.zeros(len(lengths), dtype=np.int64)
    return {
        "episode_index": np.arange(len(lengths)),
        "tasks": [[task]] * len(lengths),
        "length": np.array(lengths),
        "dataset_from_index": ends - lengths,
        "dataset_to_index": ends,
        "data/chunk_index": zeros,
        "data/file_index": np.array(files),
        "meta/episodes/chunk_index": zeros,
        "meta/episodes/file_index": zeros,
    }


def _info(
    store: EpisodeStore, columns: Columns, names: dict[str, list[str]], lengths: list[int]
) -> dict[str, Any]:
    provenance = store.metadata["provenance"]
    features = {
        name: {"dtype": str(values.dtype), "shape": [values.shape[1]], "names": names.get(name)}
        for name, values in columns.items()
    }
    return {
        "codebase_version": VERSION,
        "robot_type": provenance.get("arm", provenance.get("robot_type")),
        "total_episodes": len(lengths),
        "total_frames": sum(lengths),
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": round(store.spec.rate),
        "splits": {"train": f"0:{len(lengths)}"},
        "data_path": DATA_FILE,
        "features": features,
    }


def _statistics(values: NDArray[Any]) -> dict[str, list[float]]:
    """Of a column ``[N, D]``."""
    numbers = values.astype(np.float64)
    low, middle, high = np.quantile(numbers, (0.01, 0.5, 0.99), axis=0)
    found = {"min": numbers.min(0), "max": numbers.max(0), "mean": numbers.mean(0)}
    found |= {"std": numbers.std(0), "q01": low, "q50": middle, "q99": high}
    return {**{k: v.tolist() for k, v in found.items()}, "count": [len(values)]}
