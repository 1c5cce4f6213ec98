"""The no-op filter: train where the policy does better than doing nothing, and not yet well.

Paper: AdA (2301.07608, section 2.3): of candidate tasks those are trained on in which the agent
scores sufficiently better than a policy that does nothing, and is not perfect yet. There both are
measured on each candidate; here the agent's success is read off its latest attempts near by, and
that of doing nothing off trials at the start, since it never changes. Where attempts are lifetimes,
the first shot must not be perfect yet, and the last must do better than doing nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.mapped import MappedStrategy
from callbacks.curriculum.success_map import SuccessMap
from robot.phi import PhiSet, PhiSpace


class NoOp:
    """A policy that repeats the last command."""

    observation_horizon = 1
    action_horizon = 8

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, 1, ...]`` -> chunk ``[B, Ta, J + 1]``."""
        last: Tensor = observations["last_command"]
        return last.expand(-1, self.action_horizon, -1)


@dataclass(eq=False)
class NoOpFilter(MappedStrategy):
    """Attempts anywhere in the whole set where the filter lets them.

    Attributes:
        margin: by how much the policy's success must exceed that of doing nothing.
        solved: success from which on a task parameter counts as learnt.
        candidates: drawn from the whole set, for each attempt.
        trials: of doing nothing, spread over the whole set.

    Raises:
        ValueError: if a setting is out of range.
    """

    margin: float = 0.1
    solved: float = 0.9
    candidates: int = 8
    trials: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.margin < self.solved <= 1:
            raise ValueError(
                f"margin is {self.margin} and solved {self.solved}: 0 <= margin < solved <= 1"
            )
        if self.candidates < 1 or self.trials < 1:
            raise ValueError(
                f"candidates is {self.candidates} and trials {self.trials}, both must be at least 1"
            )

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        # Few trials, and what doing nothing leads to varies little from place to place.
        self._no_op = SuccessMap(space, 4 * self.bandwidth, self.trials)
        self._first = SuccessMap(space, self.bandwidth, self.memory)
        self._rated = False

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        super().observe(phi, success)
        self._first.add(phi, success[:, 0])

    @property
    @override
    def no_op_trials(self) -> int:
        return 0 if self._rated else self.trials

    @override
    def observe_no_op(self, phi: Tensor, success: Tensor) -> None:
        self._no_op.add(phi, success)
        self._rated = True

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        drawn = self.level.sample(n * self.candidates, generator)
        (last, _), (first, _) = self._map(drawn), self._first(drawn)
        nothing, _ = self._no_op(drawn)
        passes = (last >= nothing + self.margin) & (first < self.solved)
        # Those that pass come first, each group in the order in which it was drawn.
        return drawn[passes.logical_not().long().argsort(stable=True)[:n]]

    @override
    def state_dict(self) -> dict[str, Any]:
        maps = {"first": self._first.state_dict(), "no_op": self._no_op.state_dict()}
        return {**super().state_dict(), **maps, "rated": self._rated}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._first.load_state_dict(state["first"])
        self._no_op.load_state_dict(state["no_op"])
        self._rated = state["rated"]
