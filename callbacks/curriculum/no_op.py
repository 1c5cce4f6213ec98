"""The no-op filter: train where the policy does better than doing nothing, and not yet well.

Paper: AdA (2301.07608, section 2.3): of candidate tasks those are trained on in which the agent
scores sufficiently better than a policy that does nothing, and is not perfect yet. There both are
measured on each candidate; here the agent's success is read off its latest attempts near by, and
that of doing nothing off trials at the start, since it never changes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.strategy import Strategy
from callbacks.curriculum.success_map import PROBES, SuccessMap
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


class NoOpFilter(Strategy):
    """Attempts anywhere in the whole set where the filter lets them.

    Args:
        margin: by how much the policy's success must exceed that of doing nothing.
        solved: success from which on a task parameter counts as learnt.
        candidates: drawn from the whole set, for each attempt.
        trials: of doing nothing, spread over the whole set.
        bandwidth: of the estimate of the policy's success, as a share of each parameter's range.
        memory: attempts that it is estimated from, the latest.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        margin: float = 0.1,
        solved: float = 0.9,
        candidates: int = 8,
        trials: int = 256,
        bandwidth: float = 0.05,
        memory: int = 4096,
    ) -> None:
        if not 0 <= margin < solved <= 1:
            raise ValueError(f"margin is {margin} and solved {solved}: 0 <= margin < solved <= 1")
        if candidates < 1 or trials < 1 or memory < 1 or not 0 < bandwidth < math.inf:
            raise ValueError(
                f"candidates is {candidates}, trials {trials} and memory {memory} (at least 1), "
                f"bandwidth {bandwidth} (above 0)"
            )
        self.margin, self.solved = margin, solved
        self.candidates, self.trials = candidates, trials
        self.bandwidth, self.memory = bandwidth, memory

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, whole, whole)
        self._policy = SuccessMap(space, self.bandwidth, self.memory)
        # Few trials, and what doing nothing leads to varies little from place to place.
        self._no_op = SuccessMap(space, 4 * self.bandwidth, self.trials)
        self._rated = False
        self._probes = whole.sample(PROBES, torch.Generator().manual_seed(0))

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
        p, _ = self._policy(drawn)
        nothing, _ = self._no_op(drawn)
        passes = (p >= nothing + self.margin) & (p < self.solved)
        # Those that pass come first, each group in the order in which it was drawn.
        return drawn[passes.logical_not().long().argsort(stable=True)[:n]]

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._policy.add(phi, success)

    @property
    @override
    def progress(self) -> float:
        return self._policy.coverage(self._probes)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            "policy": self._policy.state_dict(),
            "no_op": self._no_op.state_dict(),
            "rated": self._rated,
        }

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._policy.load_state_dict(state["policy"])
        self._no_op.load_state_dict(state["no_op"])
        self._rated = state["rated"]
