"""Controls of the cheap family: attempts that go for wrong places with all their skill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from typing_extensions import override

from datamodules import HiddenReach, Rollouts
from datamodules.hidden import AsIf
from lightning_modules import DiffusionPolicy
from lightning_modules.skill import Knob, SampledBy, Temperature
from robot.policy import Policy
from robot.rollout import rollout
from robot.seeds import training_seed

EPISODES = 2048  # behind each number of a calibration


@dataclass(frozen=True)
class WrongTarget(Knob):
    """A whole episode goes for a wrong place, anywhere within so far (m) of the right one."""

    name: ClassVar[str] = "wrong_hypothesis"
    structured: ClassVar[bool] = False
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 0.3

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        generator = torch.Generator().manual_seed(seed)
        share, turn = torch.rand(2, EPISODES, generator=generator)
        angle, distance = 2 * torch.pi * turn, value * share.sqrt()  # even over the disc
        away = distance[:, None] * torch.stack([angle.cos(), angle.sin()], dim=-1)
        return AsIf(SampledBy(learner, learner.sampler), made_up_task(), away)


@dataclass(frozen=True)
class SameEnds(Knob):
    """Goes with all its skill where attempts with another knob ended, in other lifetimes.

    Covers what they cover, without what is peculiar to how they move.

    Attributes:
        other: the knob.
    """

    name: ClassVar[str] = "same_ends"
    structured: ClassVar[bool] = False
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 1e3
    other: Knob = Temperature()  # noqa: RUF009 - frozen

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        task = made_up_task()
        seed = training_seed("same ends", seed)
        phi = task.phi_set.sample(EPISODES, torch.Generator().manual_seed(seed))
        policy = self.other.at(learner, value, seed)
        ended = rollout(task.environment(EPISODES), policy, phi, seed, record=True)
        return AsIf(SampledBy(learner, learner.sampler), task, task.believed(ended))


def made_up_task() -> HiddenReach:
    """The family, with nothing to learn from."""
    return HiddenReach("wide", {"rollouts": Rollouts()})
