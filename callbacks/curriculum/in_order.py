"""Level after level: the named sets between the first and the whole are reached one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.boundary import BoundaryExpansion
from callbacks.curriculum.strategy import Proposal, Strategy
from robot.phi import Box, PhiSet, PhiSpace


@dataclass(eq=False)
class InOrder(Strategy):
    """Goes with another strategy to each of the task's named sets, in their order.

    So axes grow one after the other: positions first, then objects. What is left of an axis when
    the next begins goes on growing beside it.

    Attributes:
        within: goes from one named set to the next. Its levels are of one box each.
        patience: iterations in which a level comes no further than it has been, after which the
            next set is aimed at: a mug that can't be learnt yet is not to hold up all else.

    Raises:
        ValueError: if the patience is not at least 1.
    """

    within: Strategy = field(default_factory=BoundaryExpansion)
    patience: int = 20

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ValueError(f"patience is {self.patience}, it must be at least 1")

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        self._aims = (*self.between, whole)
        self._aim, self._waited = 0, 0
        self._set_out(first)

    def _set_out(self, begun: PhiSet) -> None:
        """Begins the way from a level to the present aim."""
        self._begun, self._furthest = begun, 0.0
        self.within.start(self.space, begun, self._aims[self._aim])
        self.level = self.within.level

    @property
    def aim(self) -> PhiSet:
        """The named set that is aimed at."""
        return self._aims[self._aim]

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.within.sample(n, generator)

    @override
    def spread(self, n: int, generator: torch.Generator) -> Tensor:
        return self.within.spread(n, generator)

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self.within.observe(phi, success)
        self.level = self.within.level
        further = self.within.progress > self._furthest
        self._waited = 0 if further else self._waited + 1
        self._furthest = max(self._furthest, self.within.progress)
        done = self.within.progress >= 1 or self._waited > self.patience
        if done and self.aim is not self.whole:
            self._aim, self._waited = self._aim + 1, 0
            self._set_out(self.level)

    @override
    def proposals(self) -> Iterator[Proposal]:
        yield from self.within.proposals()

    @override
    def accept(self, proposal: Proposal, expected_return: float = 0.0) -> None:
        self.within.accept(proposal, expected_return)
        self.level = self.within.level

    @override
    def refuse(self, proposal: Proposal) -> Proposal | None:
        return self.within.refuse(proposal)

    @property
    @override
    def progress(self) -> float:
        return (self._aim + self.within.progress) / len(self._aims)

    @override
    def state_dict(self) -> dict[str, Any]:
        bounds = torch.stack([box.bounds() for box in self._begun.boxes])
        return {
            "aim": self._aim,
            "waited": self._waited,
            "furthest": self._furthest,
            "begun": bounds,
            "within": self.within.state_dict(),
        }

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._aim, self._waited = state["aim"], state["waited"]
        self._set_out(PhiSet("level", tuple(Box.between(bounds) for bounds in state["begun"])))
        self._furthest = state["furthest"]
        self.within.load_state_dict(state["within"])
        self.level = self.within.level
