"""Base of the strategies that choose from the whole set by a map of success."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.strategy import Strategy
from callbacks.curriculum.success_map import PROBES, SuccessMap
from robot.phi import PhiSet, PhiSpace


@dataclass(eq=False, kw_only=True)
class MappedStrategy(Strategy):
    """Keeps a map of the policy's success, having adapted; its only level is the whole set.

    Attributes:
        bandwidth: of the estimate of success, as a share of each parameter's range.
        memory: attempts that it is estimated from, the latest.

    Raises:
        ValueError: if one of them is out of range.
    """

    bandwidth: float = 0.05
    memory: int = 4096

    def __post_init__(self) -> None:
        if self.memory < 1 or not 0 < self.bandwidth < math.inf:
            raise ValueError(
                f"memory is {self.memory} (at least 1), bandwidth {self.bandwidth} (above 0)"
            )

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, whole, whole)
        self._map = SuccessMap(space, self.bandwidth, self.memory)
        self._probes = whole.sample(PROBES, torch.Generator().manual_seed(0))

    @override
    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Tensor: ...

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._map.add(phi, success[:, -1])

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
