"""Rigid transforms ``[4, 4]``: ``a_from_b`` turns a point as b has it into the same as a has it."""

from __future__ import annotations

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from robot.cameras.camera import Transform


def transform(rotation: NDArray[np.float64], position: NDArray[np.float64]) -> Transform:
    """From a rotation matrix ``[3, 3]`` and a position ``[3]``."""
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = rotation, position
    return out


def rotation(vector: MatLike) -> NDArray[np.float64]:
    """The matrix ``[3, 3]`` of a turn about a vector by its length, rad."""
    return np.asarray(cv2.Rodrigues(vector)[0], dtype=np.float64)


def inverse(of: Transform) -> Transform:
    """The way back."""
    rotation = of[:3, :3].T
    return transform(rotation, -rotation @ of[:3, 3])


def angle(one: Transform, other: Transform) -> float:
    """By how much two are turned against each other, rad."""
    trace = np.trace(one[:3, :3].T @ other[:3, :3])
    return float(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def looking_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> Transform:
    """``base_from_camera`` of an upright camera: z ahead, x to the right, y down."""
    ahead = target - eye
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    return transform(np.stack([right, np.cross(ahead, right), ahead], axis=1), eye)
