"""Learnability: train where success is uncertain.

Paper: Sampling For Learnability (Rutherford et al. 2024, 2408.15099): a task parameter is worth
p (1 - p), the variance of its reward. There p is measured with extra rollouts at each candidate;
here it is read off the latest attempts near by, which costs none.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.strategy import Strategy
from callbacks.curriculum.success_map import PROBES, SuccessMap
from robot.phi import PhiSet, PhiSpace


class Learnability(Strategy):
    """Part of the attempts where p (1 - p) is highest, the rest anywhere in the whole set.

    Args:
        share: of the attempts that go to the most learnable candidates.
        candidates: drawn from the whole set, for each attempt that is chosen.
        bandwidth: of the estimate of p, as a share of each parameter's range.
        memory: attempts that p is estimated from, the latest.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        share: float = 0.5,
        candidates: int = 8,
        bandwidth: float = 0.05,
        memory: int = 4096,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share is {share}, it must be in (0, 1]")
        if candidates < 2 or memory < 1 or not 0 < bandwidth < math.inf:
            raise ValueError(
                f"candidates is {candidates} (at least 2), memory {memory} (at least 1), "
                f"bandwidth {bandwidth} (above 0)"
            )
        self.share, self.candidates = share, candidates
        self.bandwidth, self.memory = bandwidth, memory

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, whole, whole)
        self._map = SuccessMap(space, self.bandwidth, self.memory)
        self._probes = whole.sample(PROBES, torch.Generator().manual_seed(0))

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        chosen = round(n * self.share)
        anywhere = self.level.sample(n - chosen, generator)
        drawn = self.level.sample(chosen * self.candidates, generator)
        p, _ = self._map(drawn)
        best = (p * (1 - p)).topk(chosen).indices
        return torch.cat([drawn[best], anywhere])

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._map.add(phi, success)

    @property
    @override
    def progress(self) -> float:
        return self._map.coverage(self._probes)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"map": self._map.state_dict()}

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._map.load_state_dict(state["map"])
