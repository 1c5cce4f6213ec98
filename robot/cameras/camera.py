"""What every camera can do, real or simulated, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Transform = NDArray[np.float64]  # [4, 4], homogeneous


@dataclass(frozen=True)
class Lens:
    """A pinhole camera's picture, without distortion.

    Attributes:
        width: pixels.
        height: pixels.
        focal: pixels, the same both ways.
    """

    width: int
    height: int
    focal: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The camera matrix ``[3, 3]``; its axis goes through the picture's middle."""
        middle = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[self.focal, 0, middle[0]], [0, self.focal, middle[1]], [0, 0, 1.0]])


@dataclass(frozen=True)
class Frame:
    """A picture.

    Attributes:
        image: ``[H, W, 3]`` RGB.
        stamp: s, on the arm's clock, when it was taken.
    """

    image: Image
    stamp: float


class Camera(Protocol):
    """Takes pictures; whoever opened it closes it."""

    @property
    def lens(self) -> Lens:
        """How it maps directions to pixels."""
        ...

    def latest(self) -> Frame:
        """The last picture that was taken; never waits for the next.

        Raises:
            CameraError: if there is none, or the last is too old to be trusted.
        """
        ...

    def close(self) -> None:
        """Lets go of it. Again does nothing."""
        ...


class CameraError(RuntimeError):
    """A camera does not do what it should; says what, and what to do."""
