"""Where objects are, by the tags on top of them, also while a tag is hidden."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robot.cameras.camera import Transform
from robot.cameras.transforms import inverse

REACH = 0.06  # m from the grasp point within which an object can be in the hand
FORGIVEN = 0.004  # m, by which fingers may be wider than what they hold


class ObjectTracker:
    """Keeps the last pose of every object; one in the hand goes where the hand goes.

    Args:
        widths: how thick each object is where it is gripped, m.
    """

    def __init__(self, widths: Mapping[int, float]) -> None:
        self._widths = dict(widths)
        self._poses: dict[int, Transform] = {}
        self._in_hand: dict[int, Transform] = {}  # hand_from_object

    def update(
        self, seen: Mapping[int, Transform], base_from_hand: Transform, opening: float
    ) -> None:
        """Takes note of what is seen now.

        Args:
            seen: ``base_from_object`` of those whose tags are.
            base_from_hand: of the grasp point.
            opening: of the gripper, m.
        """
        for number, width in self._widths.items():
            if number in seen:
                self._poses[number] = seen[number]
            elif number in self._in_hand:
                self._poses[number] = base_from_hand @ self._in_hand[number]
            pose = self._poses.get(number)
            if pose is None:
                continue
            away = np.linalg.norm(pose[:3, 3] - base_from_hand[:3, 3])
            if away < REACH and opening < width + FORGIVEN:
                self._in_hand[number] = inverse(base_from_hand) @ pose
            else:
                self._in_hand.pop(number, None)

    def forget(self) -> None:
        """Nothing is known any more: somebody moves things."""
        self._poses.clear()
        self._in_hand.clear()

    @property
    def poses(self) -> dict[int, Transform]:
        """``base_from_object`` of all that were seen since."""
        return dict(self._poses)
