"""Attempts in several environments at the same time, each in a thread of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import Any, Generic, TypeVar, cast

import torch
from tensordict import TensorDict
from torch import Tensor

from robot.policy import Policy
from robot.rollout import rollout
from robot.seeds import training_seed

P = TypeVar("P", bound=Policy)


class Attempts(Generic[P]):
    """Rolls policies out: while one environment computes physics, another asks its policy.

    What comes out is a function of the key, the task parameters and the policy; it does not depend
    on how many environments there are.

    Args:
        num_envs: arms of an environment, which are stepped together.
        environments: how many run at the same time.
    """

    def __init__(self, num_envs: int, environments: int = 2) -> None:
        self.num_envs = num_envs
        self.environments = environments
        self._open: list[Any] = []

    def __call__(
        self, task: Any, policy: Callable[[], P], phi: Tensor, key: tuple[int | str, ...]
    ) -> list[tuple[P, TensorDict]]:
        """One attempt at each of ``phi [N, P]``.

        Args:
            task: whose environments.
            policy: makes one for each group.
            phi: task parameters.
            key: of all the randomness.

        Returns:
            Each group of at most ``num_envs`` attempts, in order: its policy and its episodes.
        """
        groups = list(enumerate(phi.split(self.num_envs)))
        workers = min(self.environments, len(groups))
        cores = len(os.sched_getaffinity(0)) // workers or 1
        arms = len(groups[0][1])
        if self._open and self._open[0].num_envs < arms:
            self.close()
        while len(self._open) < workers:
            self._open.append(task.environment(arms, task.seed, cores))

        def work(worker: int) -> list[tuple[int, P, TensorDict]]:
            done: list[tuple[int, P, TensorDict]] = []
            for i, group in groups[worker::workers]:
                one = policy()
                episodes = rollout(self._open[worker], one, group, training_seed(*key, i))
                done.append((i, one, episodes))
            return done

        with _threads(cores), ThreadPoolExecutor(workers) as pool:
            done = sorted(chain(*pool.map(work, range(workers))), key=lambda group: group[0])
        return [(one, episodes) for _, one, episodes in done]

    def close(self) -> None:
        """Closes the environments."""
        for environment in self._open:
            environment.close()
        self._open.clear()


def all_episodes(groups: list[tuple[P, TensorDict]]) -> TensorDict:
    """The episodes of all groups, ``[N]``."""
    return cast("TensorDict", TensorDict.cat([episodes for _, episodes in groups]))


@contextmanager
def _threads(count: int) -> Generator[None]:
    """So many threads for torch's operations."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)
