"""Prioritised level replay: go back to the task parameters from which most is to be learnt.

Paper: Prioritized Level Replay (Jiang et al. 2021, 2010.03934): replay probability from the rank
of a score, mixed with staleness. The score there is the mean size of the advantage; with a reward
of 0 or 1 and a value equal to the success probability p that is 2 p (1 - p) on average, and p is
read off the attempts near by, as in :mod:`callbacks.curriculum.learnability`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.mapped import MappedStrategy
from robot.phi import PhiSet, PhiSpace


@dataclass(eq=False)
class LevelReplay(MappedStrategy):
    """Keeps task parameters it has tried, and replays those with the highest scores.

    Attributes:
        replay: share of the attempts that are replayed; the rest is drawn anew.
        capacity: task parameters that are kept; the lowest scores go first.
        temperature: of the ranks: replay probability goes with rank^(-1 / temperature).
        staleness: weight of how long ago one was tried, against its rank.

    Raises:
        ValueError: if a setting is out of range.
    """

    replay: float = 0.5
    capacity: int = 1024
    temperature: float = 1.0
    staleness: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("replay", "staleness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, it must be in [0, 1]")
        if self.capacity < 1 or not 0 < self.temperature < math.inf:
            raise ValueError(
                f"capacity is {self.capacity}, it must be at least 1, and temperature "
                f"{self.temperature}, above 0"
            )

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        self._kept = torch.empty(0, len(space))
        self._last_tried = torch.empty(0)  # the iteration of each
        self._now = 0

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
        super().observe(phi, success)
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

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "kept": self._kept,
            "last_tried": self._last_tried.clone(),
            "now": self._now,
        }

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._kept, self._last_tried = state["kept"], state["last_tried"].clone()
        self._now = state["now"]
