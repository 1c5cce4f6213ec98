"""Worse attempts from the sampler alone: the same denoiser, denoised less well."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from tensordict import TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.diffusion import Sampler
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.module_policy import ModulePolicy
from lightning_modules.skill.knob import Knob
from robot.policy import Policy


class SampledBy(ModulePolicy):
    """A learner that acts by another sampler than its own.

    Raises:
        ValueError: if the sampler does not fit it.
    """

    def __init__(self, learner: DiffusionPolicy, sampler: Sampler) -> None:
        super().__init__(learner)
        self._sampler = sampler
        with self._sampling():
            pass

    @torch.no_grad()
    @override
    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, A]``."""
        with self._sampling():
            return super().__call__(observations, generator)

    @contextmanager
    def _sampling(self) -> Generator[None]:
        own = self._module.sampler
        self._module.sample_by(self._sampler)
        try:
            yield
        finally:
            self._module.sample_by(own)


@dataclass(frozen=True)
class SamplerKnob(Knob):
    """Base of the knobs that only change how chunks are sampled."""

    structured: ClassVar[bool] = True

    @abstractmethod
    def sampler(self, own: Sampler, value: float) -> Sampler:
        """The sampler with the knob at a value."""

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        return SampledBy(learner, self.sampler(learner.sampler, value))


@dataclass(frozen=True)
class Stride(SamplerKnob):
    """Denoising steps that are skipped."""

    name: ClassVar[str] = "stride"
    whole: ClassVar[bool] = True
    clean: ClassVar[float] = 1
    worst: ClassVar[float] = 20

    @override
    def sampler(self, own: Sampler, value: float) -> Sampler:
        return replace(own, num_steps=None, stride=int(value))


@dataclass(frozen=True)
class Temperature(SamplerKnob):
    """Scale of all injected noise, the initial one included."""

    name: ClassVar[str] = "temperature"
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 4.0

    @override
    def sampler(self, own: Sampler, value: float) -> Sampler:
        return replace(own, temperature=value)


@dataclass(frozen=True)
class InitialTemperature(SamplerKnob):
    """Scale of the noise that the chain starts from."""

    name: ClassVar[str] = "initial_temperature"
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 20.0

    @override
    def sampler(self, own: Sampler, value: float) -> Sampler:
        return replace(own, initial_temperature=value)


@dataclass(frozen=True)
class Guidance(SamplerKnob):
    """Weight of what was seen, from 1 down to 0, where nothing of it counts."""

    name: ClassVar[str] = "guidance"
    clean: ClassVar[float] = 1.0
    worst: ClassVar[float] = 0.0

    @override
    def sampler(self, own: Sampler, value: float) -> Sampler:
        return replace(own, guidance=value)


@dataclass(frozen=True)
class DenoisingTruncation(SamplerKnob):
    """Control: the last denoising steps are left out."""

    name: ClassVar[str] = "denoising_truncation"
    structured: ClassVar[bool] = False
    whole: ClassVar[bool] = True
    clean: ClassVar[float] = 0
    worst: ClassVar[float] = 19

    @override
    def worst_of(self, learner: DiffusionPolicy) -> float:
        return len(learner.sampler.steps(learner.schedule)) - 2  # one step is left

    @override
    def sampler(self, own: Sampler, value: float) -> Sampler:
        return replace(own, truncation=int(value))
