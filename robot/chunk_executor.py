"""Has the next action chunk computed while the arm executes the last one.

The chunk that is asked for before the last one is done begins where the arm was when it was asked:
as many of its actions as were executed meanwhile are cut off, and it fades in over what was left
of the last one, so that nothing jumps. Blending: temporal ensembling (ACT, Zhao et al. 2023,
2304.13705, section IV.B), over two chunks; cutting by what was consumed: real-time chunking (Black
et al. 2025, 2506.07339), section 3.

Symbols: B arms, To observations, Tp actions that a chunk predicts, Ta that are executed of it, L
actions executed between asking and having.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import torch
from tensordict import TensorDictBase
from torch import Tensor

from robot.policy import Policy


@runtime_checkable
class Planning(Policy, Protocol):
    """A policy that tells more of its chunk than is executed."""

    def plan(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """A whole chunk ``[B, Tp, J + 1]`` from observation fields ``[B, To, ...]``."""
        ...


class Look(Protocol):
    """Looks at a batch of arms."""

    def __call__(self) -> tuple[TensorDictBase, Tensor]:
        """Fields ``[n, To, ...]`` of the arms that still move, and which those are, ``[B]``."""
        ...


class ChunkExecutor(Protocol):
    """Where a batch of episodes has its chunks from, one after the other."""

    def next(self, look: Look) -> Tensor:
        """What to execute next, ``[B, n, J + 1]``, n at least 1."""
        ...

    def before_step(self, left: int, look: Look) -> None:
        """Is told before each step how many actions of the chunk are left, this one counted."""
        ...

    def close(self) -> None:
        """Forgets what it may be computing."""
        ...


class Waiting:
    """Has the arms wait while a chunk is computed.

    Args:
        policy: that is asked.
        generator: of its noise.
    """

    def __init__(self, policy: Policy, generator: torch.Generator) -> None:
        self._policy, self._generator = policy, generator

    def next(self, look: Look) -> Tensor:
        """The policy's next chunk."""
        observations, rows = look()
        return _of_all(self._policy(observations, self._generator), rows)

    def before_step(self, left: int, look: Look) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class AskingAhead:
    """Has the next chunk computed in a thread while the arms go on.

    Args:
        policy: that plans.
        generator: of its noise; nobody else may use it meanwhile.
        lead: L, actions that are left of a chunk when the next is asked for.
        waits: whether time stands still while somebody waits. Else the arms go on by the last
            chunk where the next is late, as far as that was planned.

    Raises:
        ValueError: if the policy does not tell its whole chunk, or L is not one of it.
    """

    def __init__(self, policy: Policy, generator: torch.Generator, lead: int, waits: bool) -> None:
        if not isinstance(policy, Planning):
            raise ValueError(
                f"a {type(policy).__name__} does not tell its whole chunk: it cannot be asked ahead"
            )
        if not 1 <= lead <= policy.action_horizon:
            raise ValueError(
                f"lead is {lead}, it is of the {policy.action_horizon} actions of a chunk: "
                f"give 1 to {policy.action_horizon}, or 0 to have the arm wait"
            )
        self._policy, self._generator = policy, generator
        self._lead, self._waits = lead, waits
        self._left: Tensor | None = None  # planned beyond what was executed, [B, m, A]
        self._consumed = 0  # since the chunk that is computed was asked for
        self._coming: Future[Tensor] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chunk")

    def next(self, look: Look) -> Tensor:
        """The chunk that was asked for; where that is late, one more action of the last."""
        if self._coming is None:
            self._ask(look)
        assert self._coming is not None
        left = self._left
        if left is not None and left.shape[1] and not self._waits and not self._coming.done():
            self._left = left[:, 1:]
            return left[:, :1]
        plan, self._coming = self._coming.result(), None
        # At least one is new, however late it comes.
        plan = plan[:, min(self._consumed, plan.shape[1] - 1) :]
        if left is not None:
            shared = min(plan.shape[1], left.shape[1])
            share = torch.arange(1, shared + 1) / (shared + 1)  # of the new one
            faded = torch.lerp(left[:, :shared], plan[:, :shared], share[:, None])
            plan = torch.cat([faded, plan[:, shared:]], dim=1)
        self._left = plan[:, self._policy.action_horizon :]
        return plan[:, : self._policy.action_horizon]

    def before_step(self, left: int, look: Look) -> None:
        """Asks for the next chunk where it is time to."""
        if self._coming is None and left <= self._lead:
            self._ask(look)
        self._consumed += 1

    def close(self) -> None:
        """Waits for what is being computed, and forgets it."""
        self._thread.shutdown(wait=True)

    def _ask(self, look: Look) -> None:
        self._consumed = 0
        self._coming = self._thread.submit(self._compute, *look())

    @torch.no_grad()
    def _compute(self, observations: TensorDictBase, rows: Tensor) -> Tensor:
        assert isinstance(self._policy, Planning)
        return _of_all(self._policy.plan(observations, self._generator), rows)


def _of_all(chunk: Tensor, rows: Tensor) -> Tensor:
    """Chunks ``[n, T, A]`` of some rows as those of all ``[B, T, A]``, 0 elsewhere."""
    out = torch.zeros(len(rows), *chunk.shape[1:])
    out[rows] = chunk.to("cpu", out.dtype)
    return out
