"""Films in a LeRobotDataset: a picture for each step, many episodes end to end in a file.

A camera is the feature ``observation.images.<camera>``; ``camera_time.<camera>`` says when each
picture was taken. Films are cut to the pictures that were the last at a step, and encoded anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from robot.episodes import EpisodeStore
from robot.film import FRAME, Film, write_film
from robot.lerobot.dataset import EPISODES_FILE
from robot.lerobot.parquet import read_parquet

IMAGES, TAKEN = "observation.images.", "camera_time."
VIDEO_FILE = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
KEYFRAMES = 2  # pictures from one that can be read alone to the next: LeRobot jumps to and fro
SAMPLED = 10  # one of so many pictures is counted in the statistics

Picture = NDArray[np.uint8]


def common_cameras(store: EpisodeStore) -> list[str]:
    """The cameras by which all episodes were filmed.

    Raises:
        ValueError: if one filmed some of them only.
    """
    filmed = [set(store.cameras(i)) for i in store.ids]
    for camera in sorted(set[str]().union(*filmed)):
        if (n := sum(camera in cameras for cameras in filmed)) < len(filmed):
            raise ValueError(
                f"camera {camera} filmed {n} of the {len(filmed)} episodes in {store.path}, "
                "LeRobot wants all or none: export without films, or delete the other episodes"
            )
    return sorted(filmed[0])


@dataclass(frozen=True)
class ExportedFilm:
    """What a dataset says of a camera.

    Attributes:
        taken: when the picture of each frame was taken, ``[N, 1]`` s.
        feature: for ``meta/info.json``.
        statistics: of its pictures, from 0 to 1.
        places: columns of the table of episodes.
    """

    taken: NDArray[np.float64]
    feature: dict[str, Any]
    statistics: dict[str, Any]
    places: dict[str, NDArray[Any]]


def export_film(
    store: EpisodeStore, camera: str, path: Path, lengths: Sequence[int], files: Sequence[int]
) -> ExportedFilm:
    """Writes a camera's films of all episodes.

    Args:
        store: whose episodes are exported in their order.
        camera: that filmed them all.
        path: folder of the dataset.
        lengths: frames of each episode.
        files: which file each episode goes to, from 0 upwards.
    """
    key, rate = IMAGES + camera, round(store.spec.rate)
    films = [store.films(i)[camera] for i in store.ids]
    numbers = [_numbers(store, i, camera) for i in store.ids]
    sample = _Sample()
    begins: list[int] = []
    for file, group in groupby(range(len(files)), files.__getitem__):
        held = list(group)
        chosen = chain.from_iterable(_chosen(films[i], numbers[i]) for i in held)
        write_film(_video(path, key, file), rate, sample.of(chosen), KEYFRAMES)
        begins += np.cumsum([0, *(lengths[i] for i in held[:-1])]).tolist()
    times = [film.stamps[n] for film, ns in zip(films, numbers, strict=True) for n in ns]
    places = {
        f"videos/{key}/chunk_index": np.zeros(len(files), dtype=np.int64),
        f"videos/{key}/file_index": np.array(files),
        f"videos/{key}/from_timestamp": np.array(begins) / rate,
        f"videos/{key}/to_timestamp": (np.array(begins) + lengths) / rate,
    }
    feature = {
        "dtype": "video",
        "shape": [*sample.size, 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": sample.size[0],
            "video.width": sample.size[1],
            "video.channels": 3,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "video.fps": rate,
            "has_audio": False,
        },
    }
    return ExportedFilm(np.array(times)[:, None], feature, sample.statistics(), places)


def restored_films(
    path: Path, camera: str, rate: int, stamps: Sequence[Sequence[float]], folder: Path
) -> Iterator[Film]:
    """The film of each episode in turn, in a file that the next one takes.

    Args:
        path: folder of the dataset.
        camera: that filmed.
        rate: pictures a second.
        stamps: when the pictures of each episode were taken, s.
        folder: for the file.
    """
    column = f"videos/{IMAGES}{camera}/file_index"
    files = read_parquet(path / EPISODES_FILE, [column])[column].tolist()
    film = folder / "film.mp4"
    for file, group in groupby(range(len(files)), files.__getitem__):
        pictures = Film(_video(path, IMAGES + camera, file), ()).pictures()
        for i in group:
            write_film(film, rate, islice(pictures, len(stamps[i])))
            yield Film(film, tuple(stamps[i]))


def _video(path: Path, key: str, file: int) -> Path:
    """A file of films, its folder made."""
    found = path / VIDEO_FILE.format(video_key=key, chunk_index=0, file_index=file)
    found.parent.mkdir(parents=True, exist_ok=True)
    return found


def _numbers(store: EpisodeStore, episode_id: int, camera: str) -> list[int]:
    """Of the picture that was the last at each step."""
    found: Tensor = store.load(episode_id).get((FRAME, camera))
    return found.flatten().tolist()


def _chosen(film: Film, numbers: Sequence[int]) -> Iterator[Picture]:
    """Pictures by their numbers, which do not decrease."""
    pictures = enumerate(film.pictures())
    at, picture = next(pictures)
    for number in numbers:
        while at < number:
            at, picture = next(pictures)
        yield picture


class _Sample:
    """Size and statistics of pictures that pass; some are counted."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self._found: list[NDArray[np.float64]] = []  # per picture: [4, 3], by channel

    def of(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Has them pass."""
        for n, picture in enumerate(pictures):
            if n % SAMPLED == 0:
                self.size = (picture.shape[0], picture.shape[1])
                flat = picture.reshape(-1, 3) / 255.0
                self._found.append(
                    np.stack([flat.mean(0), (flat**2).mean(0), flat.min(0), flat.max(0)])
                )
            yield picture

    def statistics(self) -> dict[str, Any]:
        """As LeRobot has them: ``[3, 1, 1]`` each, from 0 to 1."""
        mean, square, low, high = np.stack(self._found, axis=1)
        average = mean.mean(0)
        found = {
            "min": low.min(0),
            "max": high.max(0),
            "mean": average,
            "std": np.sqrt(np.maximum(square.mean(0) - average**2, 0)),
        }
        shaped = {name: value[:, None, None].tolist() for name, value in found.items()}
        return {**shaped, "count": [len(self._found)]}
