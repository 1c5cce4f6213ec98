"""A meta-learner as it acts: with a memory that lasts for a lifetime."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.diffusion import draw_noise
from lightning_modules.lifetime_batch import TYPICAL_DECISIONS
from lightning_modules.meta_learner import MetaLearner
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
        self._origin = torch.zeros(lifetimes, 1, learner.spec.action_dim, device=learner.device)

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
        observations = observations.to(learner.device)
        seen = learner.see(observations)
        rest = self._rest(seen, rows)
        condition = self._remember(seen, rest, rows)
        self._origin[rows] = learner.normalizer.origin(observations)
        self._decisions[rows] += 1
        return self._decide(observations, condition, rows, generator)[:, : self.action_horizon]

    def executed(self, episode: Tensor, actions: Tensor) -> None:
        """Remembers what was sent to the arms ``[B, Ta, A]``, as lifetimes are stored with it."""
        rows, sent = episode.cpu(), actions.to(self.device)
        done = self._module.normalizer.action(sent, self._origin[rows])
        self._done[rows] = done.flatten(1)

    def _decide(
        self,
        observations: TensorDictBase,
        condition: Tensor,
        rows: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """A chunk of each of these lifetimes, ``[B, Tp, A]`` in real units."""
        noise = self._noise(rows, generator)
        return self._module.predict_chain(observations, noise=noise, condition=condition)[-1]

    def end_episode(self, success: Tensor) -> None:
        """Remembers what became of an episode of each lifetime, bool ``[N]``."""
        self._won = success.cpu()
        self._begin()
        if self._forgets:
            self._won = torch.zeros_like(self._won)
            self._memory = Memory.empty(self._size, self.device, keep=True)
            self._done.zero_()

    def _remember_as(self, others: Tensor) -> None:
        """Has each lifetime remember what another one does, long ``[N]``."""
        others = others.to(self.device)
        self._memory.select(others)
        self._done = self._done[others]

    def _rest(self, seen: Tensor, rows: Tensor) -> Tensor:
        """What the tokens of these lifetimes have beside what is seen, ``[B, Ta A + 3]``."""
        decisions = self._decisions[rows]
        begins = decisions == 0
        signals = torch.stack([self._won[rows] & begins, begins, decisions / TYPICAL_DECISIONS], 1)
        return torch.cat([self._done[rows], signals.to(seen)], dim=-1)

    def _remember(self, seen: Tensor, rest: Tensor, rows: Tensor) -> Tensor:
        """Adds a decision of these lifetimes to the memory; their condition ``[B, C + W]``."""
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

    def _noise(
        self, rows: Tensor, generator: torch.Generator | None, exploring: bool = False
    ) -> Tensor:
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
            learner.sampler,
            learner.schedule,
            (len(rows), *shape),
            generator,
            learner.device,
            exploring,
        )
        noise[0] = self._latent[rows]
        return noise
