"""Learnability: train where success is uncertain.

Paper: Sampling For Learnability (Rutherford et al. 2024, 2408.15099): a task parameter is worth
p (1 - p), the variance of its reward. There p is measured with extra rollouts at each candidate;
here it is read off the latest attempts near by, which costs none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.mapped import MappedStrategy


@dataclass(eq=False)
class Learnability(MappedStrategy):
    """Part of the attempts where p (1 - p) is highest, the rest anywhere in the whole set.

    Attributes:
        share: of the attempts that go to the most learnable candidates.
        candidates: drawn from the whole set, for each attempt that is chosen.

    Raises:
        ValueError: if a setting is out of range.
    """

    share: float = 0.5
    candidates: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1 or self.candidates < 2:
            raise ValueError(
                f"share is {self.share}, it must be in (0, 1], and candidates "
                f"{self.candidates}, at least 2"
            )

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        chosen = round(n * self.share)
        anywhere = self.level.sample(n - chosen, generator)
        drawn = self.level.sample(chosen * self.candidates, generator)
        p, _ = self._map(drawn)
        best = (p * (1 - p)).topk(chosen).indices
        return torch.cat([drawn[best], anywhere])
