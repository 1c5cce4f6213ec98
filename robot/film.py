"""Films of an episode: one file a camera, and when each of its pictures was taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FRAME = "frame"  # in an episode: number of the picture that was the last one, of each camera


@dataclass(frozen=True)
class Film:
    """A film on disk.

    Attributes:
        file: mp4.
        stamps: of its pictures, s on the arm's clock.
    """

    file: Path
    stamps: tuple[float, ...]

    def frames_at(self, times: Tensor) -> Tensor:
        """Number of the last picture at each time ``[T, 1]``, of the first where there is none."""
        stamps = torch.tensor(self.stamps, dtype=torch.float64)
        return (torch.searchsorted(stamps, times.contiguous(), right=True) - 1).clamp(min=0)

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """All of them in order, ``[H, W, 3]`` RGB."""
        import av

        with av.open(str(self.file)) as opened:
            for frame in opened.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


class FilmWriter:
    """Writes a film, picture by picture; closed, it is whole.

    Args:
        file: mp4 that is written.
        rate: pictures a second, as it is played.
        keyframes: pictures from one that can be read alone to the next.
    """

    def __init__(self, file: Path, rate: int, keyframes: int = 12) -> None:
        import av

        self._av = av
        self._container = av.open(str(file), "w")
        options = {"preset": "veryfast", "crf": "20", "g": str(keyframes), "threads": "1"}
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.pix_fmt = "yuv420p"
        self._number = 0

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Adds a picture ``[H, W, 3]`` RGB, of the first one's size, cut to an even one."""
        if self._number == 0:
            height, width = picture.shape[:2]
            self._stream.height, self._stream.width = height - height % 2, width - width % 2
        cut = np.ascontiguousarray(picture[: self._stream.height, : self._stream.width])
        frame = self._av.VideoFrame.from_ndarray(cut, format="rgb24")
        frame.pts = self._number
        self._number += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Ends it."""
        if self._number:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def write_film(
    file: Path, rate: int, pictures: Iterable[NDArray[np.uint8]], keyframes: int = 12
) -> None:
    """Writes a film of pictures ``[H, W, 3]`` RGB of one size."""
    writer = FilmWriter(file, rate, keyframes)
    for picture in pictures:
        writer.write(picture)
    writer.close()
