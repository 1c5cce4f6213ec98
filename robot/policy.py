"""What an arm needs of a policy."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from tensordict import TensorDictBase
from torch import Tensor


class Policy(Protocol):
    """Maps what was seen to what to do next."""

    @property
    def observation_horizon(self) -> int:
        """To: how many of the last observations it reads."""
        ...

    @property
    def action_horizon(self) -> int:
        """Ta: how many actions of a chunk are executed before it is asked again."""
        ...

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """An action chunk ``[B, Ta, J + 1]`` from observation fields ``[B, To, ...]``."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A policy that is told what became of its chunks."""

    def executed(self, episode: Tensor, actions: Tensor) -> None:
        """Notes what was done since it was asked last.

        Args:
            episode: numbers of the episodes that it was asked about, long ``[B]``.
            actions: what was sent to the arms, clipped, ``[B, Ta, J + 1]``; past an episode's end
                the last one again.
        """
        ...


class PolicyWrapper:
    """A policy that changes what another one sees or does; base of those.

    Args:
        policy: the other one.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @property
    def device(self) -> torch.device:
        """Where the policy's noise is drawn."""
        return getattr(self.policy, "device", torch.device("cpu"))

    @property
    def observation_horizon(self) -> int:
        """To, the policy's."""
        return self.policy.observation_horizon

    @property
    def action_horizon(self) -> int:
        """Ta, the policy's."""
        return self.policy.action_horizon
