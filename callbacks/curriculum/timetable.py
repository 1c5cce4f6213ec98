"""The controls: a set that grows by the clock, whatever the policy can do, or is whole at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.boundary import bounds, box
from callbacks.curriculum.strategy import Strategy
from robot.phi import PhiSet, PhiSpace


class Timetable(Strategy):
    """All bounds move out evenly over a number of iterations.

    Args:
        iterations: after which the whole set is reached; 0 starts there, without a curriculum.

    Raises:
        ValueError: if that is negative.
    """

    def __init__(self, iterations: int) -> None:
        if iterations < 0:
            raise ValueError(f"iterations is {iterations}, it must not be negative")
        self.iterations = iterations
        self._passed = 0

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        if len(first.boxes) != 1 or len(whole.boxes) != 1:
            raise ValueError("a timetable takes levels of one box each")
        self._first, self._whole = bounds(first.boxes[0]), bounds(whole.boxes[0])
        self._go()

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._passed += 1
        self._go()

    def _go(self) -> None:
        now = torch.lerp(self._first, self._whole, self.progress)
        self.level = PhiSet("level", (box(now),))

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
