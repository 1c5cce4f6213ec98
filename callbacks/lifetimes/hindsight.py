"""Lifetimes put together in hindsight, from attempts that were made for none of them.

A skill that knows nothing of phi makes many attempts, worse ones and better ones. Of these a
lifetime is put together: so many misses that do not repeat, worst to best, then a hit, and after it
the same again, now with all the skill there is. No attempt was made by one who knew phi, so that a
student cannot learn to read it off the actions; which attempts are shown does depend on it, as it
would on a person who looks back.

Symbols: N lifetimes, H episodes of each, M attempts that each is put together from, Q hidden
dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

import torch
from tensordict import TensorDict
from torch import Tensor

from callbacks.lifetimes.explorers import OneExplorer
from callbacks.lifetimes.recorded import lifetimes_of
from datamodules.hidden import AsIf, Hidden
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.skill import Rung, SampledBy
from robot.policy import Policy
from robot.rollout import rollout
from robot.seeds import training_seed

Order = Literal["worst_first", "shuffled"]
SAME = 0.5  # chance of one attempt's guess under another's from which on they are the same


@dataclass(frozen=True)
class Hindsight(OneExplorer):
    """How attempts are made, and put together.

    Attributes:
        ladder: rungs that attempts are made on, worst to best; one as the policy is, if there is
            none.
        attempts: of each rung at each phi.
        shots: H.
        order: of the misses: from the worst rung at the first shot to the best at the last, or by
            chance.
        placed: whether the first hit comes after a number of misses that is drawn evenly from 0 to
            H - 1, where there is a hit among the attempts; else it comes when it comes.
        informed: whether attempts are made by one who knows phi: the control that gives it away.

    Raises:
        ValueError: for another order, a number below 1, or fewer attempts than episodes.
    """

    ladder: Sequence[Rung] = ()
    attempts: int = 8
    shots: int = 6
    order: Order = "worst_first"
    placed: bool = True
    informed: bool = False

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            raise ValueError(f"no order {self.order!r}; there are {', '.join(get_args(Order))}")
        if min(self.attempts, self.shots) < 1:
            raise ValueError(
                f"{self.attempts} attempts on each rung and {self.shots} shots: both must be at "
                "least 1"
            )
        if len(self.rungs) * self.attempts < self.shots:
            raise ValueError(
                f"{self.attempts} attempts on each of {len(self.rungs)} rungs are fewer than the "
                f"{self.shots} shots of a lifetime: misses would be shown again"
            )

    @property
    def rungs(self) -> Sequence[Rung]:
        """One at least."""
        return self.ladder or (Rung(),)

    def describe(self) -> dict[str, Any]:
        """How attempts are made and put together, as plain data."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return named | {"ladder": [rung.describe() for rung in self.rungs]}

    def lifetimes(
        self, task: Hidden, learner: DiffusionPolicy, env: Any, phi: Tensor, seed: int
    ) -> TensorDict:
        """One lifetime at each phi; see the base."""
        pool, rung = self._attempt(task, learner, env, phi, seed)
        believed = task.believed(pool.flatten()).unflatten(0, pool.batch_size)  # [N, M, Q]
        generator = torch.Generator().manual_seed(training_seed("hindsight", seed))
        rows = torch.arange(len(phi))
        visible = task.phi_space.visible(phi)
        left = torch.ones(pool.batch_size, dtype=torch.bool)
        fresh = left.clone()  # not like a miss that was shown
        found = torch.zeros(len(phi), dtype=torch.bool)
        hit = torch.zeros(len(phi), believed.shape[-1])
        skill: Policy = SampledBy(learner, learner.sampler)
        misses = torch.randint(self.shots, (len(phi), 1), generator=generator)
        shots: list[TensorDict] = []
        for shot in range(self.shots):
            by_chance = torch.rand(left.shape, generator=generator)
            due = round(shot * (len(self.rungs) - 1) / max(1, self.shots - 1))
            place = by_chance + ((rung - due).abs() if self.order == "worst_first" else 0)
            wrong = (pool["success"] != (shot >= misses)) & self.placed
            # Of what is left one of the right kind, of these a new one, of these one that is due.
            chosen = first_by(~left, wrong, ~fresh, place)
            left[rows, chosen] = False
            shown = cast("TensorDict", pool[rows, chosen])
            guess = believed[rows, chosen]
            same = task.chance(guess[:, None], believed, visible[:, None]) >= SAME  # [N, M]
            fresh &= ~same & left
            if found.any():
                key = training_seed("hindsight", seed, shot)
                again = rollout(env, AsIf(skill, task, hit), phi, key, record=True)
                shown = cast("TensorDict", torch.where(found, again, shown))
            hit = torch.where((shown["success"] & ~found)[:, None], guess, hit)
            found = found | shown["success"]
            shots.append(shown)
        return lifetimes_of(shots, task, learner, phi, seed)

    def _attempt(
        self, task: Hidden, learner: DiffusionPolicy, env: Any, phi: Tensor, seed: int
    ) -> tuple[TensorDict, Tensor]:
        """All attempts ``[N, M]``, recorded, and the place of each one's rung, long ``[M]``."""
        made: list[TensorDict] = []
        rungs: list[int] = []
        for place, rung in enumerate(self.rungs):
            for number in range(self.attempts):
                key = training_seed("attempt", seed, place, number)
                policy = rung.policy(learner, key)
                if self.informed:
                    policy = AsIf(policy, task, task.phi_space.hidden(phi))
                made.append(rollout(env, policy, phi, key, record=True))
                rungs.append(place)
        return cast("TensorDict", TensorDict.stack(made, dim=1)), torch.tensor(rungs)


def first_by(*keys: Tensor) -> Tensor:
    """Which column comes first in each row: by the first key, where that is the same by the next.

    Args:
        keys: ``[N, M]`` each; the least comes first.

    Returns:
        long ``[N]``.
    """
    among = torch.ones_like(keys[0], dtype=torch.bool)
    for key in keys:
        counted = key.float().masked_fill(~among, torch.inf)
        among = counted == counted.amin(1, keepdim=True)
    return among.int().argmax(1)
