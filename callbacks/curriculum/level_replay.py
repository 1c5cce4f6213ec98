"""Prioritised level replay: go back to the task parameters from which most is to be learnt.

Paper: Prioritized Level Replay (Jiang et al. 2021, 2010.03934): replay probability from the rank
of a score, mixed with staleness. The score there is the mean size of the advantage; with a reward
of 0 or 1 and a value equal to the success probability p that is 2 p (1 - p) on average, and p is
read off the attempts near by, as in :mod:`callbacks.curriculum.learnability`.
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


class LevelReplay(Strategy):
    """Keeps task parameters it has tried, and replays those with the highest scores.

    Args:
        replay: share of the attempts that are replayed; the rest is drawn anew.
        capacity: task parameters that are kept; the lowest scores go first.
        temperature: of the ranks: replay probability goes with rank^(-1 / temperature).
        staleness: weight of how long ago one was tried, against its rank.
        bandwidth: of the estimate of p, as a share of each parameter's range.
        memory: attempts that p is estimated from, the latest.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        replay: float = 0.5,
        capacity: int = 1024,
        temperature: float = 1.0,
        staleness: float = 0.1,
        bandwidth: float = 0.05,
        memory: int = 4096,
    ) -> None:
        for name, value in (("replay", replay), ("staleness", staleness)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, it must be in [0, 1]")
        for name, value in (("capacity", capacity), ("memory", memory)):
            if value < 1:
                raise ValueError(f"{name} is {value}, it must be at least 1")
        for name, value in (("temperature", temperature), ("bandwidth", bandwidth)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}, it must be above 0")
        self.replay, self.capacity = replay, capacity
        self.temperature, self.staleness = temperature, staleness
        self.bandwidth, self.memory = bandwidth, memory

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, whole, whole)
        self._map = SuccessMap(space, self.bandwidth, self.memory)
        self._kept = torch.empty(0, len(space))
        self._last_tried = torch.empty(0)  # the iteration of each
        self._now = 0
        self._probes = whole.sample(PROBES, torch.Generator().manual_seed(0))

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        replayed = min(round(n * self.replay), len(self._kept))
        anew = self.level.sample(n - replayed, generator)
        if not replayed:
            return anew
        chosen = torch.multinomial(self._odds(), replayed, generator=generator)
        return torch.cat([anew, self._kept[chosen]])

    def _odds(self) -> Tensor:
        rank = self._score(self._kept).argsort(descending=True).argsort() + 1.0
        by_rank = rank ** (-1 / self.temperature)
        age = self._now - self._last_tried + 1
        mixed = (1 - self.staleness) * by_rank / by_rank.sum() + self.staleness * age / age.sum()
        return mixed + 1e-9  # so that as many can be drawn as there are

    def _score(self, phi: Tensor) -> Tensor:
        p, _ = self._map(phi)
        return 2 * p * (1 - p)

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        self._map.add(phi, success)
        self._now += 1
        # Recognised by their phi, so that all ranks agree on what any of them has replayed.
        same = (phi[:, None] == self._kept[None]).all(-1)  # [n, kept]
        self._last_tried[same.any(0)] = float(self._now)
        fresh = ~same.any(1)
        self._kept = torch.cat([self._kept, phi[fresh]])
        now = torch.full((int(fresh.sum()),), float(self._now))
        self._last_tried = torch.cat([self._last_tried, now])
        best = self._score(self._kept).argsort(descending=True)[: self.capacity].sort().values
        self._kept, self._last_tried = self._kept[best], self._last_tried[best]

    @property
    @override
    def progress(self) -> float:
        return self._map.coverage(self._probes)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            "map": self._map.state_dict(),
            "kept": self._kept,
            "last_tried": self._last_tried.clone(),
            "now": self._now,
        }

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._map.load_state_dict(state["map"])
        self._kept, self._last_tried = state["kept"], state["last_tried"].clone()
        self._now = state["now"]
