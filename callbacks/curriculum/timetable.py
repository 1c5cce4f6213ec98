"""The controls: a set that grows by the clock, whatever the policy can do, or is whole at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.strategy import Strategy
from robot.phi import Box, PhiSet, PhiSpace


@dataclass(eq=False)
class Timetable(Strategy):
    """All bounds move out evenly over a number of iterations.

    Attributes:
        iterations: after which the whole set is reached; 0 starts there, without a curriculum.

    Raises:
        ValueError: if that is negative.
    """

    iterations: int = 12
    _passed: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise ValueError(f"iterations is {self.iterations}, it must not be negative")

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        self._passed = 0
        if len(first.boxes) != 1 or len(whole.boxes) != 1:
            raise ValueError("a timetable takes levels of one box each")
        self._first, self._whole = first.boxes[0].bounds(), whole.boxes[0].bounds()
        self._go()

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._passed += 1
        self._go()

    def _go(self) -> None:
        now = torch.lerp(self._first, self._whole, self.progress)
        self.level = PhiSet("level", (Box.between(now),))

    @property
    @override
    def progress(self) -> float:
        return min(1.0, self._passed / self.iterations) if self.iterations else 1.0

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"passed": self._passed}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._passed = state["passed"]
        self._go()
