"""Worse attempts from noise on the actions, from a wrong belief, or from stopping early: controls.

What the sampler's own worse attempts are compared with. Each is told the ``episode`` by the
rollout, so that noise can last and a belief can hold.

Symbols: B decisions, Ta action horizon, A dimensions of an action (joints, then the gripper).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.skill.knob import Knob
from lightning_modules.skill.sampling import SampledBy
from robot.imagined import displaced
from robot.policy import Policy, PolicyWrapper


@dataclass(frozen=True)
class Control(Knob):
    """Base of the knobs that change what a policy sees or does from outside."""

    structured: ClassVar[bool] = False

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        scale = learner.normalizer.action_half_range.cpu()
        generator = torch.Generator().manual_seed(seed)
        return self.around(SampledBy(learner, learner.sampler), value, scale, generator)

    @abstractmethod
    def around(
        self, policy: Policy, value: float, scale: Tensor, generator: torch.Generator
    ) -> Policy:
        """The policy with the knob at a value.

        Args:
            policy: as it is.
            value: of the knob.
            scale: by how much an action may change, ``[A]``: half its range in the policy's terms.
            generator: of what the knob draws.
        """


@dataclass(frozen=True)
class ActionNoise(Control):
    """Noise is added to every action, in shares of what actions may change by.

    Attributes:
        correlation: of the noise from one environment step to the next: 0 is independent noise,
            above it an Ornstein-Uhlenbeck process.
    """

    name: ClassVar[str] = "action_noise"
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 2.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.correlation < 1:
            raise ValueError(f"correlation is {self.correlation}, it must be in [0, 1)")

    @override
    def around(
        self, policy: Policy, value: float, scale: Tensor, generator: torch.Generator
    ) -> Policy:
        return _Noisy(policy, value * scale, self.correlation, generator)


@dataclass(frozen=True)
class EpsilonRandom(Control):
    """Some decisions are replaced by actions drawn evenly from all; the value is their share."""

    name: ClassVar[str] = "epsilon_random"
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 1.0

    @override
    def around(
        self, policy: Policy, value: float, scale: Tensor, generator: torch.Generator
    ) -> Policy:
        def change(chunk: Tensor, observations: TensorDictBase) -> Tensor:
            last: Tensor = observations["last_command"][:, -1:].cpu()
            drawn = last + scale * (2 * torch.rand(chunk.shape, generator=generator) - 1)
            replaced = torch.rand(len(chunk), 1, 1, generator=generator) < value
            return torch.where(replaced, drawn, chunk.cpu())

        return _Changed(policy, change)


@dataclass(frozen=True)
class WrongHypothesis(Control):
    """A whole episode goes for a wrong place, so far (m) from the right one, in any direction."""

    name: ClassVar[str] = "wrong_hypothesis"
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 0.3

    @override
    def around(
        self, policy: Policy, value: float, scale: Tensor, generator: torch.Generator
    ) -> Policy:
        return _Mistaken(policy, value, generator)


@dataclass(frozen=True)
class EpisodeTruncation(Control):
    """The arm stops after so many decisions and holds still."""

    name: ClassVar[str] = "episode_truncation"
    whole: ClassVar[bool] = True
    clean: ClassVar[float] = 10
    worst: ClassVar[float] = 0

    @override
    def around(
        self, policy: Policy, value: float, scale: Tensor, generator: torch.Generator
    ) -> Policy:
        passed = _PerEpisode(lambda: torch.zeros(1))

        def change(chunk: Tensor, observations: TensorDictBase) -> Tensor:
            episode = _episode(observations)
            decided = passed(episode)
            passed.keep(episode, decided + 1)
            hold: Tensor = observations["last_command"][:, -1:].cpu()
            return torch.where(decided[:, None] >= value, hold, chunk.cpu())

        return _Changed(policy, change)


class _PerEpisode:
    """A row of numbers for each episode, made when it is first asked for."""

    def __init__(self, make: Callable[[], Tensor]) -> None:
        self._make = make
        self._rows: dict[int, Tensor] = {}

    def __call__(self, episode: Tensor) -> Tensor:
        """Rows of these episodes, ``[B, ...]``."""
        for i in episode.tolist():
            if i not in self._rows:
                self._rows[i] = self._make()
        return torch.stack([self._rows[i] for i in episode.tolist()])

    def keep(self, episode: Tensor, rows: Tensor) -> None:
        """Puts other rows in their place."""
        self._rows.update(zip(episode.tolist(), rows, strict=True))


class _Changed(PolicyWrapper):
    """Decides as another policy does, then changes the chunk."""

    def __init__(self, policy: Policy, change: Callable[[Tensor, TensorDictBase], Tensor]) -> None:
        super().__init__(policy)
        self._change = change

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        return self._change(self.policy(observations, generator), observations)


class _Noisy(PolicyWrapper):
    """Adds a first-order autoregressive process of deviation ``deviation [A]``."""

    def __init__(
        self, policy: Policy, deviation: Tensor, correlation: float, generator: torch.Generator
    ) -> None:
        super().__init__(policy)
        self._deviation, self._correlation, self._generator = deviation, correlation, generator
        self._noise = _PerEpisode(self._draw)

    def _draw(self) -> Tensor:
        return torch.randn(len(self._deviation), generator=self._generator)

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        chunk = self.policy(observations, generator).cpu()  # [B, Ta, A]
        episode = _episode(observations)
        noise = self._noise(episode)
        fresh = torch.randn(chunk.shape, generator=self._generator)
        rest = math.sqrt(1 - self._correlation**2)
        for action, draw in zip(chunk.unbind(1), fresh.unbind(1), strict=True):
            action += self._deviation * noise
            noise = self._correlation * noise + rest * draw
        self._noise.keep(episode, noise)
        return chunk


class _Mistaken(PolicyWrapper):
    """Sees all objects elsewhere, each episode in another direction."""

    def __init__(self, policy: Policy, distance: float, generator: torch.Generator) -> None:
        super().__init__(policy)
        self._distance = distance
        self._direction = _PerEpisode(lambda: 2 * math.pi * torch.rand(1, generator=generator))

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        angle = self._direction(_episode(observations))  # [B, 1]
        way = torch.cat([angle.cos(), angle.sin(), torch.zeros_like(angle)], dim=-1)
        return self.policy(displaced(observations, self._distance * way), generator)


def _episode(observations: TensorDictBase) -> Tensor:
    episode: Tensor = observations["episode"]
    return episode[:, -1, 0].cpu()
