"""Lets a policy with a memory live: episode after episode on one phi each."""

from __future__ import annotations

from typing import Any, Protocol

from tensordict import TensorDict
from torch import Tensor

from robot.policy import Policy
from robot.rollout import rollout
from robot.seeds import seed_of_the_same_half


class Living(Policy, Protocol):
    """A policy that is told what became of its episodes."""

    def end_episode(self, success: Tensor) -> None:
        """What became of the episode of each lifetime, bool ``[N]``."""
        ...


def live(
    env: Any, policy: Living, phi: Tensor, shots: int, seed: int, record: bool = False
) -> list[TensorDict]:
    """H episodes at each of ``phi [N, P]``; the memory goes on from one to the next.

    Args:
        env: an environment of N arms.
        policy: with a memory for N lifetimes.
        phi: task parameters.
        shots: H.
        seed: of start poses and noise.
        record: as in :func:`robot.rollout.rollout`.

    Returns:
        What :func:`robot.rollout.rollout` returns, of each shot.
    """
    episodes: list[TensorDict] = []
    for shot in range(shots):
        episode = rollout(
            env, policy, phi, seed_of_the_same_half(seed, "lives", shot), record=record
        )
        policy.end_episode(episode["success"])
        episodes.append(episode)
    return episodes
