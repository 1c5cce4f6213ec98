"""AprilTags in a picture, and where they are: detection by OpenCV, pose from the four corners.

Family 36h11 (Olson 2011, "AprilTag: A robust and flexible visual fiducial system"); the pose of a
square has two solutions (Collins and Bartoli 2014, "Infinitesimal plane-based pose estimation").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from robot.cameras.camera import Image, Lens, Transform
from robot.cameras.transforms import rotation, transform

FAMILY = cv2.aruco.DICT_APRILTAG_36h11
MODULES = 8  # black squares along a side; one white one beyond them on each side


@dataclass(frozen=True)
class SeenTag:
    """A tag in a picture.

    Attributes:
        corners: pixels ``[4, 2]``, clockwise from its top left.
        poses: ``camera_from_tag``, the one that fits best first; a tag's x is right, y up, z out.
        error: pixels, by which the corners of the best are off.
    """

    corners: NDArray[np.float64]
    poses: tuple[Transform, ...]
    error: float


def tag_image(number: int, pixels: int) -> Image:
    """A tag with its white rim, ``[n, n]``, ``pixels`` a module.

    Raises:
        ValueError: if the family has no such number.
    """
    family = cv2.aruco.getPredefinedDictionary(FAMILY)
    if not 0 <= number < len(family.bytesList):
        raise ValueError(f"tag {number} is none of family 36h11: 0 to {len(family.bytesList) - 1}")
    black = cv2.aruco.generateImageMarker(family, number, MODULES * pixels)
    return np.pad(black, pixels, constant_values=255).astype(np.uint8)


def tag_corners(size: float) -> NDArray[np.float64]:
    """Where the corners of a tag's black square are in its frame, ``[4, 3]`` m."""
    half = size / 2
    return np.array([[-half, half, 0], [half, half, 0], [half, -half, 0], [-half, -half, 0]])


class TagDetector:
    """Finds tags of known sizes.

    Args:
        lens: of the camera.
        sizes: side of the black square of each tag that is looked for, m, by number.
    """

    def __init__(self, lens: Lens, sizes: Mapping[int, float]) -> None:
        self._lens, self._sizes = lens, dict(sizes)
        # Lines that are fitted to a tag's edges are ten times as exact as corners that are found,
        # and slow: they are fitted where a tag was found, and nowhere else.
        self._quick = _detector(cv2.aruco.CORNER_REFINE_NONE)
        self._exact = _detector(cv2.aruco.CORNER_REFINE_APRILTAG)

    def find(self, image: Image) -> dict[int, SeenTag]:
        """Tags in a picture ``[H, W, 3]``, by number; one that is seen twice is left out."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        found: dict[int, SeenTag] = {}
        for number, rough in _only_ones(self._quick, grey).items():
            if number not in self._sizes:
                continue
            low, high = rough.min(axis=0), rough.max(axis=0)
            rim = int(0.5 * (high - low).max())
            x, y = np.maximum(low - rim, 0).astype(int)
            part = grey[y : int(high[1]) + rim, x : int(high[0]) + rim]
            exact = _only_ones(self._exact, np.ascontiguousarray(part)).get(number)
            if exact is not None:
                found[number] = self._seen(exact + np.array([x, y]), self._sizes[number])
        return found

    def _seen(self, corners: NDArray[np.float64], size: float) -> SeenTag:
        _, turns, moves, errors = cv2.solvePnPGeneric(
            tag_corners(size), corners, self._lens.matrix, None, flags=cv2.SOLVEPNP_IPPE_SQUARE
        )
        poses = tuple(
            transform(rotation(turn), np.ravel(move).astype(np.float64))
            for turn, move in zip(turns, moves, strict=True)
        )
        return SeenTag(corners, poses, float(np.ravel(errors)[0]))


def _detector(refinement: int) -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = refinement
    return cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(FAMILY), parameters)


def _only_ones(
    detector: cv2.aruco.ArucoDetector, grey: NDArray[np.uint8]
) -> dict[int, NDArray[np.float64]]:
    """Corners ``[4, 2]`` of the tags that are seen once, by number."""
    corners, numbers, _ = detector.detectMarkers(grey)
    seen = [int(n) for n in np.ravel(numbers)] if len(corners) else []
    return {
        n: np.asarray(c, dtype=np.float64).reshape(4, 2)
        for n, c in zip(seen, corners, strict=True)
        if seen.count(n) == 1
    }


def upright(seen: SeenTag, base_from_camera: Transform) -> Transform:
    """``base_from_tag``, that of the two solutions which lies flatter: things stand on a table."""
    poses = [base_from_camera @ pose for pose in seen.poses]
    return max(poses, key=lambda pose: pose[2, 2])
