"""A person says whether the goal is reached, where no camera or simulation is to be believed."""

from __future__ import annotations

import select
import sys

from torch import Tensor

from robot.arm import ArmState
from robot.observation import SeenObjects
from robot.tabletop import Tabletop


class AskedTabletop:
    """See :class:`robot.tabletop.Tabletop`. Enter, as soon as it is: the goal is reached.

    Args:
        table: that says all else.
    """

    def __init__(self, table: Tabletop) -> None:
        self._table = table
        self._said = False

    def reset(self, phi: Tensor) -> None:
        """As the table; what was said before counts no more."""
        self._table.reset(phi)
        self._forget()

    def expect(self, phi: Tensor) -> None:
        """As the table; what was said before counts no more."""
        self._table.expect(phi)
        self._forget()

    def observe(self, state: ArmState) -> None:
        """As the table."""
        self._table.observe(state)

    def objects(self) -> SeenObjects:
        """As the table."""
        return self._table.objects()

    def success(self, state: ArmState) -> bool:
        """Whether the person has said so."""
        self._said = _entered() or self._said
        return self._said

    def _forget(self) -> None:
        _entered()
        self._said = False


def _entered() -> bool:
    """Whether lines have come since it was asked last; none is waited for."""
    found = False
    while select.select([sys.stdin], [], [], 0)[0]:
        if not sys.stdin.readline():  # the end of it
            break
        found = True
    return found
