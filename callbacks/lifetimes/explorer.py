"""Makes lifetimes: attempts on one phi, worst to best, by a skill that does not know phi.

A demonstrator who knows the hidden phi teaches a student to read it off the demonstrator's actions,
which the student's own attempts never show (self-delusion: Ortega et al. 2021, 2110.10819). So the
attempts here are made by a search: misses that do not repeat until the first success, then the same
again. ``informed`` is the control that does know.

Symbols: N lifetimes, H episodes of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from tensordict import TensorDict
from torch import Tensor

from callbacks.lifetimes.explorers import OneExplorer
from callbacks.lifetimes.recorded import lifetimes_of
from datamodules.hidden import AsIf, Hidden
from datamodules.search import Choice, Search
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.skill import Rung, Temperature
from robot.rollout import rollout
from robot.seeds import training_seed

Hypothesis = Literal["best", "posterior", "prior", "informed"]
# As steady as the skill gets: what has succeeded at the edge of a grasp is to succeed again.
ALL_SKILL = Rung(Temperature(), 0.0)


@dataclass(frozen=True)
class Explorer(OneExplorer):
    """How the attempts of a lifetime are made.

    Attributes:
        hypothesis: what an attempt acts on: that of a :class:`~datamodules.search.Search`, or the
            truth (``informed``).
        ladder: a rung for each episode, worst to best; all the skill there is, if there is none.
        shots: H; with a ladder, as many as it has rungs.

    Raises:
        ValueError: for another hypothesis, or no episode.
    """

    hypothesis: Hypothesis = "best"
    ladder: Sequence[Rung] = ()
    shots: int = 6

    def __post_init__(self) -> None:
        if self.hypothesis not in get_args(Hypothesis):
            raise ValueError(
                f"no hypothesis {self.hypothesis!r}; there are {', '.join(get_args(Hypothesis))}"
            )
        if self.ladder:
            object.__setattr__(self, "shots", len(self.ladder))
        if self.shots < 1:
            raise ValueError(f"shots is {self.shots}, a lifetime has at least one")

    @property
    def rungs(self) -> Sequence[Rung]:
        """One for each episode."""
        return self.ladder or (ALL_SKILL,) * self.shots

    def describe(self) -> dict[str, Any]:
        """How attempts are made, as plain data."""
        return {"hypothesis": self.hypothesis, "ladder": [rung.describe() for rung in self.rungs]}

    def lifetimes(
        self, task: Hidden, learner: DiffusionPolicy, env: Any, phi: Tensor, seed: int
    ) -> TensorDict:
        """One lifetime at each phi; see the base."""
        generator = torch.Generator().manual_seed(training_seed("explorer", seed))
        truth = task.phi_space.hidden(phi)
        choice: Choice = "prior" if self.hypothesis == "informed" else self.hypothesis
        search = Search(task, phi, generator, choice)
        shots: list[TensorDict] = []
        for shot, rung in enumerate(self.rungs):
            hypothesis = truth if self.hypothesis == "informed" else search.next()
            key = training_seed("explorer", seed, shot)
            skill = AsIf(rung.policy(learner, key), task, hypothesis)
            shots.append(rollout(env, skill, phi, key, record=True))
            search.observe(shots[-1]["success"])
        return lifetimes_of(shots, task, learner, phi, seed)
