"""A meta-learner that explores for lifetimes, and notes what a policy gradient needs.

Symbols: N lifetimes, H episodes of each, D decisions of all, B lifetimes that decide now, C what is
seen, R the rest of a token, K' tuned denoising steps.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.diffusion import draw_noise, explored
from lightning_modules.lifetime_policy import LifetimePolicy
from lightning_modules.objectives import StepObjective
from lightning_modules.stitching import miss_of


class ExploringLifetimes(LifetimePolicy):
    """N lifetimes side by side of a learner that tries things out.

    Args:
        learner: a :class:`~lightning_modules.lifetime_gradient.LifetimeGradient`.
        lifetimes: N, a multiple of its ``common_noise``.
    """

    def __init__(self, learner: Any, lifetimes: int) -> None:
        super().__init__(learner, lifetimes)
        self._draws = lifetimes // learner.common_noise
        self._shot = 0
        self._noted: list[TensorDict] = []

    @override
    def end_episode(self, success: Tensor) -> None:
        told = success if self._module.objective.tells else torch.zeros_like(success)
        super().end_episode(told)
        self._shot += 1
        if self._module.worlds > 1:
            self._remember_as(miss_of(success.cpu(), self._module.worlds))

    @override
    def _rest(self, seen: Tensor, rows: Tensor) -> Tensor:
        rest = super()._rest(seen, rows)
        token: dict[str, Tensor] = {
            "attempt": rows,
            "shot": torch.full_like(rows, self._shot),
            "index": self._decisions[rows],
        }
        token = {name: place.to(seen.device) for name, place in token.items()}
        token |= {"seen": seen, "rest": rest}
        self._noted.append(TensorDict(token, batch_size=len(rows)))
        return rest

    @override
    def _decide(
        self,
        observations: TensorDictBase,
        condition: Tensor,
        rows: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        learner = self._module
        chain, log_prob = explored(
            lambda x, k: learner.denoise(x, k, condition),
            learner.schedule,
            learner.sampler,
            learner.exploration.at(learner.current_epoch),
            self._noise(rows, generator, exploring=True),
            learner.tuned_steps,
            learner.horizons.action,
        )
        chunk = chain[:, -1]
        if isinstance(learner.objective, StepObjective):
            self._noted[-1].update({"chain": chain, "log_prob": log_prob})
        else:
            self._noted[-1]["chunk"] = chunk.clone()  # and not the chain with it
        return learner.normalizer.real_action(chunk, learner.normalizer.origin(observations))

    @override
    def executed(self, episode: Tensor, actions: Tensor) -> None:
        super().executed(episode, actions)
        self._noted[-1]["done"] = self._done[episode.cpu()]

    @override
    def _noise(
        self, rows: Tensor, generator: torch.Generator | None, exploring: bool = False
    ) -> Tensor:
        """Noise of these chunks, the same for lifetimes that share a draw."""
        learner = self._module
        draw = (rows // learner.common_noise).to(learner.device)
        shape = (self._draws, learner.horizons.prediction, learner.spec.action_dim)
        if self._latent is None:
            self._latent = torch.randn(shape, generator=generator, device=learner.device)
        noise = draw_noise(
            learner.sampler, learner.schedule, shape, generator, learner.device, exploring
        )
        noise[0] = self._latent
        return noise[:, draw]

    def decisions(self, length: Tensor) -> TensorDict:
        """All that was decided, ``[D]``.

        Args:
            length: steps of each episode, long ``[N, H]``.

        Returns:
            ``attempt`` (which lifetime), ``shot`` and ``index`` (which decision of that episode),
            ``seen [C]`` and ``rest [R]`` (the token), ``done`` (what was executed), and either
            ``chain [K' + 1, Tp, A]`` and ``log_prob [K']``, or the ``chunk [Tp, A]`` alone.
        """
        return cast("TensorDict", TensorDict.cat(self._noted))
