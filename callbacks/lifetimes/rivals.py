"""Those a learner that adapts is compared with: all have its skill, and no learnt memory."""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.hidden import AsIf, Hidden
from datamodules.search import Choice, Search
from robot.policy import Policy, PolicyWrapper


class Knowing(AsIf):
    """Acts on one hypothesis for a lifetime: the oracle, if that is the truth."""

    def end_episode(self, success: Tensor) -> None:
        """Learns nothing from what became of an episode."""


class Guessing(PolicyWrapper):
    """Acts on a guess in each episode, whatever became of those before: it has no memory.

    Args:
        skill: what acts.
        task: the family.
        lifetimes: how many.
        generator: of the guesses.
    """

    def __init__(
        self, skill: Policy, task: Hidden, lifetimes: int, generator: torch.Generator
    ) -> None:
        super().__init__(skill)
        self._task, self._lifetimes, self._generator = task, lifetimes, generator
        self._guess()

    def _guess(self) -> None:
        guesses = self._task.guesses(self._lifetimes, self._generator)
        self._now = AsIf(self.policy, self._task, guesses)

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, J + 1]``."""
        return self._now(observations, generator)

    def end_episode(self, success: Tensor) -> None:
        """Guesses anew, bool ``[N]``."""
        self._guess()


class Searching(PolicyWrapper):
    """Acts on what a :class:`~datamodules.search.Search` says; repeats what has succeeded.

    Args:
        skill: what acts.
        task: the family.
        phi: where the lifetimes are, ``[N, P]``; the hidden part is not looked at.
        choice: see :class:`~datamodules.search.Search`.
        generator: of the hypotheses.
    """

    def __init__(
        self,
        skill: Policy,
        task: Hidden,
        phi: Tensor,
        choice: Choice,
        generator: torch.Generator,
    ) -> None:
        super().__init__(skill)
        self._task = task
        self._search = Search(task, phi, generator, choice)
        self._now = AsIf(skill, task, self._search.next())

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, J + 1]``."""
        return self._now(observations, generator)

    def end_episode(self, success: Tensor) -> None:
        """Goes on to the next hypothesis, bool ``[N]``."""
        self._search.observe(success)
        self._now = AsIf(self.policy, self._task, self._search.next())
