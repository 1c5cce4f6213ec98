"""A step that is too large: from ``point`` to a corner of the table where nothing succeeds yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum import Proposal, Strategy
from datamodules.pick_banana import SPACE, PickBanana
from robot.phi import PhiSet, PhiSpace

CORNER = PhiSet("corner", (SPACE.box(radius=(0.46, 0.48), bearing=(0.9, 1.0), yaw=(1.3, 1.5)),))


class PickBananaFarCorner(PickBanana):
    """The same task; the corner is evaluated, too."""

    phi_sets = {**PickBanana.phi_sets, CORNER.name: CORNER}


class ToCorner(Proposal):
    """The step."""

    @override
    def describe(self, space: PhiSpace) -> str:
        return "point, in a far corner of the table"


@dataclass(eq=False)
class TooLargeStep(Strategy):
    """Adds the corner to the level at once, after some iterations, and draws evenly from both.

    Attributes:
        after: iterations.
    """

    after: int = 3
    _passed: int = field(default=0, init=False, repr=False)
    _widened: bool = field(default=False, init=False, repr=False)

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        self._passed, self._widened = 0, False

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        boxes = [PhiSet("part", (box,)) for box in self.level.boxes]
        shares = [n // len(boxes)] * (len(boxes) - 1)
        counts = [n - sum(shares), *shares]
        drawn = [part.sample(k, generator) for part, k in zip(boxes, counts, strict=True)]
        return torch.cat(drawn)

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._passed += 1

    @override
    def proposals(self) -> Iterator[Proposal]:
        if not self._widened and self._passed >= self.after:
            yield ToCorner(PhiSet("level", (*self.level.boxes, *CORNER.boxes)), CORNER)

    @override
    def accept(self, proposal: Proposal, expected_return: float = 0.0) -> None:
        super().accept(proposal)
        self._widened = True

    @property
    @override
    def progress(self) -> float:
        return float(self._widened)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"passed": self._passed, "widened": self._widened}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._passed, self._widened = state["passed"], state["widened"]
        if self._widened:
            self.level = PhiSet("level", (*self.level.boxes, *CORNER.boxes))
