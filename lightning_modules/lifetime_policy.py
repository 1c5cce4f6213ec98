"""A meta-learner as it acts: with a memory that lasts for a lifetime."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.diffusion import draw_noise
from lightning_modules.meta_learner import TYPICAL_DECISIONS, MetaLearner
from lightning_modules.module_policy import ModulePolicy
from lightning_modules.networks.trunk import Memory


class LifetimePolicy(ModulePolicy):
    """N lifetimes side by side, each with its own memory.

    A rollout runs one episode of each, and tells the number of the lifetime as ``episode``; after
    it, :meth:`end_episode` says what became of it.

    Args:
        learner: what acts.
        lifetimes: N.
        forgets: whether the memory is emptied after each episode: what memory is worth.
    """

    def __init__(self, learner: MetaLearner, lifetimes: int, forgets: bool = False) -> None:
        super().__init__(learner)
        self._forgets = forgets
        self._size = lifetimes
        self._won = torch.zeros(lifetimes, dtype=torch.bool)
        self._begin()
        self._memory = Memory.empty(lifetimes, learner.device, keep=True)
        chunk = learner.horizons.action * learner.spec.action_dim
        self._done = torch.zeros(lifetimes, chunk, device=learner.device)

    def _begin(self) -> None:
        self._decisions = torch.zeros(self._size, dtype=torch.long)
        self._latent: Tensor | None = None

    @torch.no_grad()
    @override
    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` of some of the lifetimes -> action chunk ``[B, Ta, A]``."""
        learner = self._module
        episode: Tensor = observations["episode"]
        rows = episode[:, -1, 0].cpu()
        seen = observations.to(learner.device)
        condition = self._remember(learner.see(seen), rows)
        noise = self._noise(len(rows), rows, generator)
        chunk = learner.predict_chain(seen, noise=noise, condition=condition)[-1]
        chunk = chunk[:, : self.action_horizon]
        origin = learner.normalizer.origin(seen)
        self._done[rows] = learner.normalizer.action(chunk, origin).flatten(1)
        self._decisions[rows] += 1
        return chunk

    def end_episode(self, success: Tensor) -> None:
        """Remembers what became of an episode of each lifetime, bool ``[N]``."""
        self._won = success.cpu()
        self._begin()
        if self._forgets:
            self._won = torch.zeros_like(self._won)
            self._memory = Memory.empty(self._size, self.device, keep=True)
            self._done.zero_()

    def _remember(self, seen: Tensor, rows: Tensor) -> Tensor:
        """Adds a decision of these lifetimes to the memory; their condition ``[B, C + W]``."""
        decisions = self._decisions[rows]
        begins = decisions == 0
        signals = torch.stack([self._won[rows] & begins, begins, decisions / TYPICAL_DECISIONS], 1)
        rest = torch.cat([self._done[rows], signals.to(seen)], dim=-1)
        everyone: dict[str, Any] = {}
        for name, value in (("seen", seen), ("rest", rest)):
            everyone[name] = value.new_zeros(self._size, 1, value.shape[-1])
            everyone[name][rows, 0] = value
        there = torch.zeros(self._size, 1, dtype=torch.bool)
        there[rows] = True
        condition = self._module.remember(
            **everyone, there=there.to(self.device), memory=self._memory
        )
        return condition[rows, 0]

    def _noise(self, size: int, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """Noise of these chunks, ``[M, B, Tp, A]``.

        What it begins with is kept for an episode, so that one of several hypotheses is held and
        not drawn anew at each decision.
        """
        learner = self._module
        shape = (learner.horizons.prediction, learner.spec.action_dim)
        if self._latent is None:
            self._latent = torch.randn(
                self._size, *shape, generator=generator, device=learner.device
            )
        noise = draw_noise(
            learner.sampler, learner.schedule, (size, *shape), generator, learner.device
        )
        noise[0] = self._latent[rows]
        return noise
