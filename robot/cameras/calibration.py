"""Where a camera is: a tag on the gripper is carried through poses that the arm knows.

Neither where the camera is nor where on the gripper the tag sits has to be known: both are solved
for, as ``hand_i @ hand_from_tag = base_from_camera @ camera_from_tag_i`` over all poses i
(robot-world / hand-eye calibration; closed form by OpenCV, after Shah 2013). Since a small square
looks nearly the same tilted one way or the other, that is done on a few poses, many times; the one
that fits most corners is refined on all of them, by Gauss and Newton.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml
from cv2.typing import MatLike
from numpy.typing import NDArray

from robot.cameras.camera import Lens, Transform
from robot.cameras.tags import SeenTag, tag_corners
from robot.cameras.transforms import angle, inverse, rotation, transform

FEWEST = 5  # poses; with fewer, or all turned alike, there is no one solution
TRIES, OF = 100, 4  # how often a few poses are tried, and how many
ROUNDS = 20
STEP = 1e-6  # of numerical derivatives
LARGEST_ERROR = 3.0  # pixels; more is no calibration


@dataclass(frozen=True)
class Calibration:
    """What was found.

    Attributes:
        base_from_camera: ``[4, 4]``.
        hand_from_tag: ``[4, 4]``, of the grasp point.
        error: pixels, root mean square over all corners.
        poses: how many it is from.
    """

    base_from_camera: Transform
    hand_from_tag: Transform
    error: float
    poses: int

    def moved(self, other: Calibration) -> tuple[float, float]:
        """How far the camera is from where another says: m, rad."""
        away = self.base_from_camera[:3, 3] - other.base_from_camera[:3, 3]
        return float(np.linalg.norm(away)), angle(self.base_from_camera, other.base_from_camera)

    def save(self, path: Path) -> None:
        """Writes it, whole or not at all."""
        data = {
            "base_from_camera": self.base_from_camera.tolist(),
            "hand_from_tag": self.hand_from_tag.tolist(),
            "error": self.error,
            "poses": self.poses,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}")
        beside.write_text(yaml.safe_dump(data))
        beside.replace(path)


def load_calibration(path: Path) -> Calibration:
    """Reads what :meth:`Calibration.save` wrote.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no camera was calibrated: there is no {path}")
    try:
        data = yaml.safe_load(path.read_text())
        found = Calibration(
            np.array(data["base_from_camera"], dtype=float),
            np.array(data["hand_from_tag"], dtype=float),
            float(data["error"]),
            int(data["poses"]),
        )
        shapes = {found.base_from_camera.shape, found.hand_from_tag.shape}
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is no camera's calibration: {error}") from error
    if shapes != {(4, 4)}:
        raise ValueError(f"{path} is no camera's calibration: a transform is no [4, 4]")
    return found


def calibrate(
    hands: Sequence[Transform], seen: Sequence[SeenTag], size: float, lens: Lens
) -> Calibration:
    """Solves for where the camera and the tag are.

    Args:
        hands: ``base_from_hand`` at each pose, by the arm's kinematics.
        seen: the gripper's tag there.
        size: side of the tag's black square, m.
        lens: of the camera.

    Raises:
        ValueError: if there are too few poses, they are turned too much alike, or they do not fit.
    """
    if len(hands) < FEWEST:
        raise ValueError(f"the tag was seen in {len(hands)} poses, at least {FEWEST} are needed")
    spread = max(angle(hands[0], hand) for hand in hands)
    if spread < np.radians(15):
        raise ValueError(
            f"the poses are turned by at most {np.degrees(spread):.0f} degrees against each other, "
            "15 are needed: turn the gripper"
        )
    square, corners = tag_corners(size), np.stack([s.corners for s in seen])

    def off(camera: Transform, hand_from_tag: Transform) -> NDArray[np.float64]:
        """By how much corners are off, pixels ``[n, 4, 2]``."""
        away = inverse(camera)
        points = np.stack([_moved(away @ hand @ hand_from_tag, square) for hand in hands])
        return _projected(points, lens) - corners

    def misfit(found: tuple[Transform, Transform]) -> float:
        return float(np.median(np.linalg.norm(off(*found), axis=-1)))

    chance = np.random.default_rng(0)
    tried: list[tuple[Transform, Transform]] = []
    for _ in range(TRIES):
        few = chance.choice(len(hands), OF, replace=False)
        tags = [seen[i].poses[chance.integers(len(seen[i].poses))] for i in few]
        with suppress(cv2.error):  # these are turned alike
            tried.append(_closed_form([hands[i] for i in few], tags))
    camera, hand_from_tag = min(tried, key=misfit, default=(np.eye(4), np.eye(4)))
    for _ in range(ROUNDS):
        now = off(camera, hand_from_tag).ravel()
        steps = STEP * np.eye(12)
        slopes = [
            (off(camera @ _small(d[:6]), hand_from_tag @ _small(d[6:])).ravel() - now) / STEP
            for d in steps
        ]
        slope = np.stack(slopes, axis=1)
        step: NDArray[np.float64] = np.linalg.pinv(slope) @ -now
        camera, hand_from_tag = camera @ _small(step[:6]), hand_from_tag @ _small(step[6:])
    error = float(np.sqrt((off(camera, hand_from_tag) ** 2).sum(axis=-1).mean()))
    if not error <= LARGEST_ERROR:
        raise ValueError(
            f"what was seen does not fit: corners are off by {error:.1f} pixels, {LARGEST_ERROR} "
            "is the most; is the tag fixed to the gripper, is its size right, is the arm's homing?"
        )
    return Calibration(camera, hand_from_tag, error, len(hands))


def _closed_form(
    hands: Sequence[Transform], tags: Sequence[Transform]
) -> tuple[Transform, Transform]:
    """``base_from_camera`` and ``hand_from_tag`` of the poses as they are."""
    # hand_from_base @ base_from_camera = hand_from_tag @ tag_from_camera: what OpenCV calls world,
    # camera, base and gripper is here base, hand, camera and tag.
    first, second = [inverse(hand) for hand in hands], [inverse(tag) for tag in tags]
    rotation_x, moved_x, rotation_z, moved_z = cv2.calibrateRobotWorldHandEye(
        [pose[:3, :3] for pose in first],
        [pose[:3, 3] for pose in first],
        [pose[:3, :3] for pose in second],
        [pose[:3, 3] for pose in second],
        method=cv2.CALIB_ROBOT_WORLD_HAND_EYE_SHAH,
    )
    return _transform(rotation_x, moved_x), _transform(rotation_z, moved_z)


def _transform(turned: MatLike, moved: MatLike) -> Transform:
    """As we have it, of what OpenCV returns."""
    return transform(np.asarray(turned, dtype=np.float64), np.ravel(moved).astype(np.float64))


def _small(motion: NDArray[np.float64]) -> Transform:
    """Turned by a rotation vector, then moved: ``[6]``."""
    return transform(rotation(motion[:3]), motion[3:])


def _moved(by: Transform, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ by[:3, :3].T + by[:3, 3]


def _projected(points: NDArray[np.float64], lens: Lens) -> NDArray[np.float64]:
    """Pixels ``[..., 2]`` of points ``[..., 3]`` as the camera has them."""
    homogeneous = points @ lens.matrix.T
    return homogeneous[..., :2] / homogeneous[..., 2:]
