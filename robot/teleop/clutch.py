"""From where a hand is to where the gripper should be: it follows from where it was taken hold of.

When the clutch is pressed, hand and gripper are anchored where they are. From then on the gripper
goes as the hand goes, by ``scale`` of its way, and turns as it turns. What jumps is not followed:
the hand is anchored anew where it is then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import mink
import numpy as np

from robot.inverse_kinematics import Array, Pose
from robot.teleop.one_euro import OneEuroFilter

SCALE = 0.5
LARGEST_STEP = 0.05  # m between two messages
LARGEST_TURN = math.radians(35)
MIN_CUTOFF, BETA = 1.0, 7.0  # Hz; Hz for each m/s and rad/s


def is_jump(step: Array, turn: Array) -> bool:
    """Whether no hand does that between two messages: ``[3]`` m and ``[3]`` rad."""
    return bool(np.linalg.norm(step) > LARGEST_STEP or np.linalg.norm(turn) > LARGEST_TURN)


@dataclass
class _Way:
    """How far something went and turned since the clutch was pressed."""

    moved: Array = field(default_factory=lambda: np.zeros(3))
    turned: mink.SO3 = field(default_factory=mink.SO3.identity)

    def to(self, other: _Way) -> tuple[Array, Array]:
        """What is left to another, m and rad, ``[3]`` each."""
        return other.moved - self.moved, (other.turned @ self.turned.inverse()).log()

    def plus(self, step: Array, turn: Array) -> _Way:
        """That much further."""
        return _Way(self.moved + step, (mink.SO3.exp(turn) @ self.turned).normalize())


def check_scale(scale: float) -> float:
    """The scale itself.

    Raises:
        ValueError: if it is out of range.
    """
    if not 0 < scale <= 2:
        raise ValueError(f"scale is {scale}, must be above 0 and at most 2")
    return scale


class Clutch:
    """Where the gripper should be while the clutch is held.

    Args:
        scale: of the gripper's way, of the hand's.

    Attributes:
        jumps: that were not followed.

    Raises:
        ValueError: if the scale is out of range.
    """

    def __init__(self, scale: float = SCALE) -> None:
        self.scale = check_scale(scale)
        self.jumps = 0
        self._anchor: Pose | None = None  # of the gripper
        self._hand: tuple[Array, mink.SO3] | None = None  # as it was seen last
        self._raw = self._asked = self._smooth = _Way()
        self._ways = OneEuroFilter(MIN_CUTOFF, BETA)
        self._turns = OneEuroFilter(MIN_CUTOFF, BETA)

    @property
    def pressed(self) -> bool:
        """Whether it is anchored."""
        return self._anchor is not None

    def press(self, gripper: Pose) -> None:
        """Anchors the gripper where it is, and the hand where it is seen next."""
        self._anchor, self._hand = gripper, None
        self._raw = self._asked = self._smooth = _Way()
        self._ways.reset()
        self._turns.reset()

    def release(self) -> None:
        """Lets go."""
        self._anchor = None

    def see(self, position: Array, rotation: Array) -> None:
        """Takes in where the hand is: ``[3]`` m, quaternion ``[4]`` wxyz."""
        turned = mink.SO3(rotation)
        if self._hand is not None:
            step = position - self._hand[0]
            turn = (turned @ self._hand[1].inverse()).log()
            if is_jump(step, turn):
                self.jumps += 1
            else:
                self._raw = self._raw.plus(step, turn)
        self._hand = position, turned

    def gripper(self, period: float) -> Pose:
        """Where the gripper should be, ``period`` (s) after it was asked before."""
        assert self._anchor is not None, "the clutch is not pressed"
        step, turn = self._asked.to(self._raw)
        self._asked = self._raw
        left, to_turn = self._smooth.to(self._raw)
        self._smooth = self._smooth.plus(
            left * self._ways.share(float(np.linalg.norm(step)), period),
            to_turn * self._turns.share(float(np.linalg.norm(turn)), period),
        )
        turned = self._smooth.turned @ mink.SO3(self._anchor.quaternion)
        position = self._anchor.position + self.scale * self._smooth.moved
        return Pose(position, np.asarray(turned.wxyz))
