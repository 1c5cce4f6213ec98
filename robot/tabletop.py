"""What lies around an arm: who puts it there, who sees it, who says whether the goal is reached."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from robot.arm import ArmState
from robot.observation import SeenObjects


class Tabletop(Protocol):
    """A table with things on it, real or virtual."""

    def reset(self, phi: Tensor) -> None:
        """Has things put where the task parameters ``[P]`` want them; returns when they are.

        Raises:
            ArmError: if they cannot be.
        """
        ...

    def expect(self, phi: Tensor) -> None:
        """Takes it that things are where the task parameters ``[P]`` want them: the arm did it.

        Raises:
            ArmError: if they are not seen.
        """
        ...

    def observe(self, state: ArmState) -> None:
        """Looks at them, once a step, while the arm is where it was measured."""
        ...

    def objects(self) -> SeenObjects:
        """What was seen of them when they were looked at last, ``[1, ...]``."""
        ...

    def success(self, state: ArmState) -> bool:
        """Whether the goal is reached at this instant, as far as can be told."""
        ...
