"""Lifetimes of more than one kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callbacks.lifetimes.explorers import Explorers, OneExplorer
from lightning_modules.skill import Rung


@dataclass(frozen=True)
class Mixture(Explorers):
    """Whole parts of the lifetimes are made by one explorer or another.

    Attributes:
        explorers: how attempts are made.
        shares: of all lifetimes, one for each explorer.

    Raises:
        ValueError: if there are not as many shares as explorers, they do not sum to 1, one is not
            above 0, or the lifetimes are not of as many episodes.
    """

    explorers: Sequence[OneExplorer]
    shares: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.explorers) or not self.shares:
            raise ValueError(f"{len(self.explorers)} explorers have {len(self.shares)} shares")
        if min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"shares are {list(self.shares)}: each above 0, and 1 in all")
        if len(shots := {explorer.shots for explorer in self.explorers}) > 1:
            raise ValueError(f"lifetimes of {sorted(shots)} episodes do not mix: give as many")
        object.__setattr__(self, "shots", self.explorers[0].shots)

    @property
    def rungs(self) -> Sequence[Rung]:
        """All rungs that attempts are made on."""
        return [rung for explorer in self.explorers for rung in explorer.rungs]

    def describe(self) -> dict[str, Any]:
        """How attempts are made, as plain data."""
        explorers = [explorer.describe() for explorer in self.explorers]
        return {"explorers": explorers, "shares": list(self.shares)}

    def of_part(self, part: int) -> OneExplorer:
        """Who makes this part: of the first parts, each has its share as nearly as can be."""
        made = [0] * len(self.shares)
        chosen = 0
        for number in range(part + 1):
            owed = [share * (number + 1) - m for share, m in zip(self.shares, made, strict=True)]
            chosen = owed.index(max(owed))
            made[chosen] += 1
        return self.explorers[chosen]
