"""Makes lifetimes: attempts on one phi, worst to best, by a skill that does not know phi.

A demonstrator who knows the hidden phi teaches a student to read it off the demonstrator's actions,
which the student's own attempts never show (self-delusion: Ortega et al. 2021, 2110.10819). So the
attempts here are made by a search: misses that do not repeat until the first success, then the same
again. ``informed`` is the control that does know.

Symbols: N lifetimes, H episodes of each, L decisions and T environment steps of an episode, D
decisions of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from datamodules.hidden import AsIf, Hidden
from datamodules.search import Choice, Search
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.lifetime_batch import decided
from lightning_modules.skill import Rung, Temperature
from robot.rollout import rollout
from robot.schema import ACTION, OBSERVATION
from robot.seeds import training_seed

Hypothesis = Literal["best", "posterior", "prior", "informed"]
# As steady as the skill gets: what has succeeded at the edge of a grasp is to succeed again.
ALL_SKILL = Rung(Temperature(), 0.0)


@dataclass(frozen=True)
class Explorer:
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
        """One lifetime at each of ``phi [N, P]``: the fields of a lifetime store, ``[N]``.

        Args:
            task: the family.
            learner: the skill.
            env: an environment of N arms.
            phi: task parameters.
            seed: of everything random.
        """
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


def lifetimes_of(
    shots: Sequence[TensorDict], task: Hidden, oracle: DiffusionPolicy, phi: Tensor, seed: int
) -> TensorDict:
    """The fields of a lifetime store, ``[N]``, from episodes on one phi each.

    Args:
        shots: recorded episodes of each shot, ``[N]``.
        task: the family.
        oracle: the skill that labels every decision, as if it knew phi.
        phi: task parameters ``[N, P]``.
        seed: of the labels' noise.
    """
    episodes = [decisions(shot, oracle, task.max_steps) for shot in shots]
    lifetimes = cast("TensorDict", TensorDict.stack(episodes, dim=1))
    label(lifetimes, task, oracle, task.phi_space.hidden(phi), training_seed("oracle", seed))
    flat = oracle.spec.flatten(lifetimes[OBSERVATION])
    lifetimes = lifetimes.auto_batch_size_(batch_dims=1)
    return lifetimes.set(OBSERVATION, flat).set("phi", phi)


def decisions(episodes: TensorDict, learner: DiffusionPolicy, max_steps: int) -> TensorDict:
    """What was seen at each decision, and what was executed, ``[N]``; zero past the end."""
    horizons = learner.horizons
    steps = cast("TensorDictBase", episodes["trajectory"])
    actions: Tensor = steps.get(ACTION)
    length: Tensor = episodes["length"]
    at = torch.arange(0, max_steps, horizons.action)  # [L]
    past = (at[:, None] + torch.arange(1 - horizons.observation, 1)).clamp(min=0)  # [L, To]
    there = at < length[:, None]  # [N, L]
    seen: TensorDictBase = steps.get(OBSERVATION)[:, past]  # all fields: hypotheses change some
    seen = _zero_where_not(there, seen)
    return TensorDict(
        {
            OBSERVATION: seen.auto_batch_size_(batch_dims=3),
            "last_command": seen["last_command"][:, :, -1],
            ACTION: actions,
            "length": length,
            "success": episodes["success"],
        },
        batch_size=len(length),
    )


@torch.no_grad()
def label(
    lifetimes: TensorDict, task: Hidden, learner: DiffusionPolicy, truth: Tensor, seed: int
) -> None:
    """Adds what an oracle with the same skill would do at each decision: ``oracle [N, H, L, ...]``.

    Labels at states that somebody else got into: Decision-Pretrained Transformer (Lee et al. 2023,
    2306.14892).
    """
    horizons, spec = learner.horizons, learner.spec
    seen: TensorDictBase = lifetimes[OBSERVATION]  # [N, H, L, To]
    there = decided(lifetimes, horizons.action)  # [N, H, L]
    known = truth[:, None, None].expand(*there.shape, -1)[there]  # [D, Q]
    generator = torch.Generator(learner.device).manual_seed(seed)
    chunks: list[Tensor] = []
    for part, hypothesis in zip(seen[there].split(4096), known.split(4096), strict=True):
        shown = task.as_if(cast("TensorDictBase", part), hypothesis).to(learner.device)
        chunks.append(learner.predict_chain(shown, generator)[-1].cpu())
    oracle = torch.zeros(*there.shape, horizons.prediction, spec.action_dim)
    oracle[there] = torch.cat(chunks)
    lifetimes["oracle"] = oracle


def _zero_where_not(rows: Tensor, fields: TensorDictBase) -> TensorDictBase:
    """Fields ``[*rows.shape, ...]`` with zeros where ``rows`` is False."""
    return fields.apply(  # pyright: ignore[reportReturnType]
        lambda value: value * rows.reshape(*rows.shape, *[1] * (value.ndim - rows.ndim))
    )
