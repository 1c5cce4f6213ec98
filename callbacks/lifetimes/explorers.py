"""Who makes lifetimes: one way of exploring, or several."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from tensordict import TensorDict
from torch import Tensor

from datamodules.hidden import Hidden
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.skill import Rung


class Explorers(ABC):
    """What a :class:`~callbacks.lifetimes.writer.LifetimeWriter` takes; subclass OneExplorer.

    Attributes:
        shots: H, episodes of a lifetime.
    """

    shots: int

    @property
    @abstractmethod
    def rungs(self) -> Sequence[Rung]:
        """All that attempts are made on."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """How attempts are made, as plain data."""

    @abstractmethod
    def of_part(self, part: int) -> OneExplorer:
        """Who makes this part of the lifetimes."""


class OneExplorer(Explorers):
    """Makes all lifetimes in one way."""

    @abstractmethod
    def lifetimes(
        self, task: Hidden, learner: DiffusionPolicy, env: Any, phi: Tensor, seed: int
    ) -> TensorDict:
        """One lifetime at each of ``phi [N, P]``: the fields of a lifetime store, ``[N]``.

        Args:
            task: the family.
            learner: the skill.
            env: an environment of N arms.
            phi: task parameters.
            seed: of everything random.
        """

    def of_part(self, part: int) -> OneExplorer:
        """It does."""
        return self
