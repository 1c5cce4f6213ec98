"""Where a hand was a moment ago, evenly, from messages that come as the network brings them.

It is looked at as late as messages have been of late: on a good line at once, on a bad one by as
much as it takes for most to be there, so that the motion between them is known and not guessed.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from dataclasses import dataclass, field

import mink
import numpy as np

from robot.inverse_kinematics import Array
from robot.teleop.clutch import is_jump

KEPT = 0.5  # s of poses
LOOKED_BACK = 2.0  # s in which messages were late


@dataclass(order=True, frozen=True)
class _Seen:
    time: float
    position: Array = field(compare=False)
    rotation: mink.SO3 = field(compare=False)


class Playout:
    """Poses of a hand by the time at which they were taken."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []
        self._late: deque[tuple[float, float]] = deque()

    def clear(self) -> None:
        """Forgets where the hand was; not how late messages are."""
        self._seen.clear()

    def add(self, time: float, late: float, position: Array, rotation: Array) -> None:
        """Takes in a pose, in whatever order they come.

        Args:
            time: when it was taken, on our clock, s.
            late: by how much later than the quickest it came, s.
            position: ``[3]`` m.
            rotation: quaternion ``[4]`` wxyz.
        """
        insort(self._seen, _Seen(time, position, mink.SO3(rotation)))
        self._late.append((time, late))
        while self._late[0][0] < time - LOOKED_BACK:
            self._late.popleft()
        old = bisect_right(self._seen, time - KEPT, key=lambda seen: seen.time)
        del self._seen[: max(0, min(old, len(self._seen) - 1))]

    def at(self, now: float) -> tuple[Array, Array]:
        """The pose that is due: position ``[3]`` m, quaternion ``[4]`` wxyz.

        What jumps does so at once: nothing is made up between.
        """
        due = now - max(late for _, late in self._late)
        after = bisect_right(self._seen, due, key=lambda seen: seen.time)
        one = self._seen[max(0, after - 1)]
        if after in (0, len(self._seen)):
            return one.position, np.asarray(one.rotation.wxyz)
        other = self._seen[after]
        turn = (other.rotation @ one.rotation.inverse()).log()
        if is_jump(other.position - one.position, turn):
            return one.position, np.asarray(one.rotation.wxyz)
        share = (due - one.time) / (other.time - one.time)
        position = one.position + share * (other.position - one.position)
        return position, np.asarray((mink.SO3.exp(share * turn) @ one.rotation).wxyz)
