"""Attempts in several environments at the same time, each in a thread of its own.

An attempt is an episode or, where H shots are asked for, a lifetime of so many episodes.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import torch
from tensordict import TensorDict
from torch import Tensor

from callbacks.lifetimes.lives import live
from robot.rollout import rollout
from robot.seeds import training_seed


@dataclass(frozen=True)
class Group:
    """Attempts that were made side by side.

    Attributes:
        attempts: ``[n]``: ``phi [P]``, ``success`` and ``length`` of the episode, or ``[H]``.
        decisions: ``[D]``: what was decided in them, where the learner explored.
    """

    attempts: TensorDict
    decisions: TensorDict | None


class Attempts:
    """Rolls policies out: while one environment computes physics, another asks its policy.

    What comes out is a function of the key, the task parameters and the policy; it does not depend
    on how many environments there are.

    Args:
        num_envs: arms of an environment, which are stepped together.
        environments: how many run at the same time.
        shots: H, for lifetimes; episodes if None.
    """

    def __init__(self, num_envs: int, environments: int = 2, shots: int | None = None) -> None:
        self.num_envs = num_envs
        self.environments = environments
        self.shots = shots
        self._open: list[Any] = []
        self._arms = 0  # that the open ones were asked to have

    def __call__(
        self, task: Any, learner: Any, explores: bool, phi: Tensor, key: tuple[int | str, ...]
    ) -> list[Group]:
        """One attempt at each of ``phi [N, P]``.

        Args:
            task: whose environments.
            learner: that learns from attempts.
            explores: whether it does so here, and notes what it decides.
            phi: task parameters.
            key: of all the randomness.

        Returns:
            Groups of at most ``num_envs`` attempts each, in order.
        """
        groups = list(enumerate(phi.split(self.num_envs)))
        workers = min(self.environments, len(groups))
        if getattr(task, "stations", None) is not None:
            workers = 1  # driven arms are one environment, however many they are
        cores = len(os.sched_getaffinity(0)) // workers or 1
        arms = len(groups[0][1])
        if self._open and self._arms < arms:
            self.close()
        self._arms = max(self._arms, arms)
        while len(self._open) < workers:
            self._open.append(task.environment(arms, task.seed, cores))

        def work(worker: int) -> list[tuple[int, Group]]:
            env, shots = self._open[worker], self.shots
            return [
                (i, made)
                for i, group in groups[worker::workers]
                for made in attempt(env, learner, explores, group, shots, training_seed(*key, i))
            ]

        with _threads(cores), ThreadPoolExecutor(workers) as pool:
            done = sorted(chain(*pool.map(work, range(workers))), key=lambda group: group[0])
        return [group for _, group in done]

    def close(self) -> None:
        """Closes the environments."""
        for environment in self._open:
            environment.close()
        self._open.clear()
        self._arms = 0


def attempt(
    env: Any, learner: Any, explores: bool, phi: Tensor, shots: int | None, seed: int
) -> list[Group]:
    """One attempt at each of ``phi [n, P]``, side by side; lifetimes of so many ``shots``.

    On driven arms an episode that a fault has ended is made again.
    """
    groups: list[Group] = []
    while len(phi):
        policy = (learner.explorer if explores else learner.actor)(len(phi))
        if shots is None:
            made = rollout(env, policy, phi, seed)
        else:
            episodes = live(env, policy, phi, shots, seed)
            made = TensorDict({"phi": phi}, batch_size=len(phi))
            for name in ("success", "length"):
                made[name] = torch.stack([episode[name] for episode in episodes], dim=1)
        decisions = policy.decisions(made["length"]) if explores else None
        aborted = made.pop("aborted", torch.zeros(len(phi), dtype=torch.bool))
        groups.append(_without(aborted, made, decisions))
        phi, seed = phi[aborted], training_seed("again", seed)
    return groups


def _without(aborted: Tensor, made: TensorDict, decisions: TensorDict | None) -> Group:
    """The attempts that were not, and their decisions, counted anew."""
    if not aborted.any():
        return Group(made, decisions)
    kept = ~aborted
    if decisions is None:
        return Group(made[kept], None)
    attempt: Tensor = decisions["attempt"].cpu()
    number = (kept.cumsum(0) - 1)[attempt[kept[attempt]]]
    left = cast("TensorDict", decisions[kept[attempt].to(decisions.device)])
    return Group(made[kept], left.set("attempt", number.to(decisions["attempt"].device)))


def all_attempts(groups: list[Group]) -> TensorDict:
    """The attempts of all groups, ``[N]``."""
    return cast("TensorDict", TensorDict.cat([group.attempts for group in groups]))


def all_decisions(groups: list[Group]) -> TensorDict:
    """What was decided in all groups, ``[D]``; ``attempt`` counts through them."""
    parts: list[TensorDict] = []
    first = 0
    for group in groups:
        assert group.decisions is not None
        part = group.decisions.copy()
        part["attempt"] = part["attempt"] + first
        first += len(group.attempts)
        parts.append(part)
    return cast("TensorDict", TensorDict.cat(parts))


@contextmanager
def _threads(count: int) -> Generator[None]:
    """So many threads for torch's operations."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)
