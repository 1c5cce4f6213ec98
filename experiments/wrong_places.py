"""Controls: attempts that go for wrong places with all their skill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from typing_extensions import override

from datamodules.hidden import AsIf
from lightning_modules import DiffusionPolicy
from lightning_modules.skill import Knob, SampledBy
from robot.policy import Policy
from robot.rollout import rollout
from robot.seeds import training_seed


@dataclass(frozen=True)
class WrongTarget(Knob):
    """A whole episode goes for a wrong place, anywhere within so far (m) of the right one.

    Attributes:
        task: the family.
        episodes: most of a rollout.
    """

    name: ClassVar[str] = "wrong_target"
    structured: ClassVar[bool] = False
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 0.3
    task: Any
    episodes: int

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        generator = torch.Generator().manual_seed(seed)
        share, turn = torch.rand(2, self.episodes, generator=generator)
        angle, distance = 2 * torch.pi * turn, value * share.sqrt()  # even over the disc
        away = distance[:, None] * torch.stack([angle.cos(), angle.sin()], dim=-1)
        return AsIf(SampledBy(learner, learner.sampler), self.task, away)


@dataclass(frozen=True)
class SameEnds(Knob):
    """Goes with all its skill where attempts with another knob ended, in other lifetimes.

    Covers what they cover, without what is peculiar to how they move.

    Attributes:
        other: the knob.
        task: the family.
        episodes: most of a rollout.
        num_envs: arms that are stepped together.
    """

    name: ClassVar[str] = "same_ends"
    structured: ClassVar[bool] = False
    clean: ClassVar[float] = 0.0
    worst: ClassVar[float] = 1e3
    other: Knob
    task: Any
    episodes: int
    num_envs: int

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        seed = training_seed("same ends", seed)
        phi = self.task.phi_set.sample(self.episodes, torch.Generator().manual_seed(seed))
        policy = self.other.at(learner, value, seed)
        env = self.task.environment(self.num_envs)
        ended = rollout(env, policy, phi, seed, record=True)
        env.close()
        return AsIf(SampledBy(learner, learner.sampler), self.task, self.task.believed(ended))
