"""Windows of (To, Tp) over episodes laid end to end: which rows, and in which order.

The window at step t holds the observations t-To+1..t and the action chunk t..t+Tp-1, which starts
at the current time. Indices are clamped to the episode of t: the first observation and the last
action are repeated, and no window crosses into a neighbour.

The order of windows is a pure function of (seed, pass, rank, world size). A pass is a permutation
of all windows, the same on every rank, of which rank r takes every ``world_size``-th from r on;
passes follow each other in an endless stream, so that every batch has the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torchrl.data import TensorStorage
from torchrl.data.replay_buffers.samplers import Sampler
from torchrl.data.replay_buffers.storages import Storage

from robot.schema import ACTION, OBSERVATION


class WindowSampler(Sampler):
    """Yields the storage rows of windows, ``[B, To + Tp]``: observations, then actions.

    Args:
        lengths: steps of each episode, in the order in which they lie in the storage.
        observation_horizon: To.
        prediction_horizon: Tp.
        seed: of the order.
        rank: which of the disjoint parts of a pass to yield.
        world_size: number of parts.
        shuffle: whether a pass is permuted; otherwise windows come in order of time.

    Raises:
        ValueError: if an episode or a horizon is empty, the rank is not below the world size, or
            there are fewer windows than ranks.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        observation_horizon: int,
        prediction_horizon: int,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
    ) -> None:
        if min(lengths, default=0) < 1:
            raise ValueError(f"windows need episodes of at least 1 step, lengths are {lengths}")
        if observation_horizon < 1 or prediction_horizon < 1:
            raise ValueError(
                f"horizons must be at least 1: observation {observation_horizon}, "
                f"prediction {prediction_horizon}"
            )
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size} ranks")
        steps = torch.as_tensor(lengths, dtype=torch.int64)
        ends = steps.cumsum(0)
        self._first = torch.repeat_interleave(ends - steps, steps)  # [N] first step of t's episode
        self._last = torch.repeat_interleave(ends - 1, steps)  # [N] last step of t's episode
        self._past = torch.arange(1 - observation_horizon, 1)  # [To]
        self._future = torch.arange(prediction_horizon)  # [Tp]
        self._seed, self._rank, self._world_size = seed, rank, world_size
        self._shuffle = shuffle
        self._passes: dict[int, Tensor] = {}
        self.position = 0
        if self.windows_per_pass < 1:
            raise ValueError(f"{len(self)} windows cannot be shared among {world_size} ranks")

    def __len__(self) -> int:
        """Windows of all ranks: one for each step of each episode."""
        return len(self._first)

    @property
    def windows_per_pass(self) -> int:
        """Windows of this rank in one pass; the same on all ranks."""
        return len(self) // self._world_size

    def seek(self, position: int) -> None:
        """Goes to the ``position``-th window of this rank's stream."""
        self.position = position

    def rows(self, steps: Tensor) -> Tensor:
        """Storage rows of the windows at ``steps [B]``: ``[B, To + Tp]``."""
        t = steps[:, None]
        past = torch.maximum(t + self._past, self._first[t])
        future = torch.minimum(t + self._future, self._last[t])
        return torch.cat([past, future], dim=1)

    def sample(self, storage: Storage, batch_size: int) -> tuple[Tensor, dict[str, Any]]:
        """The next ``batch_size`` windows of the stream; advances the position."""
        per_pass = self.windows_per_pass
        parts: list[Tensor] = []
        position, end = self.position, self.position + batch_size
        while position < end:
            number, offset = divmod(position, per_pass)
            part = self._pass(number)[offset : offset + end - position]
            parts.append(part)
            position += len(part)
        self.position = end
        return self.rows(torch.cat(parts)), {}

    def _pass(self, number: int) -> Tensor:
        """This rank's steps in one pass over all windows, ``[windows_per_pass]``."""
        if number not in self._passes:
            if self._shuffle:
                entropy = np.random.SeedSequence((self._seed, number)).generate_state(1, np.uint64)
                generator = torch.Generator().manual_seed(int(entropy[0] >> 1))
                order = torch.randperm(len(self), generator=generator)
            else:
                order = torch.arange(len(self))
            share = order[self._rank :: self._world_size][: self.windows_per_pass]
            self._passes = {number: share}
        return self._passes[number]

    def state_dict(self) -> dict[str, Any]:
        """The position; the order follows from the arguments."""
        return {"position": self.position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes to a saved position."""
        self.position = int(state_dict["position"])

    def _empty(self) -> None:
        self.position = 0

    def dumps(self, path: Any) -> None:
        """Nothing: the position is in the state dict."""

    def loads(self, path: Any) -> None:
        """Nothing: the position is in the state dict."""


class WindowStorage(TensorStorage):
    """Steps laid end to end, from which windows are read.

    All observation fields lie side by side in one matrix, so that a window costs one gather
    instead of one a field; the fields of a batch are views of it.

    Args:
        episodes: each of batch size ``[T]``, with ``observation`` and ``action``.
        fields: names of the observation fields to serve.
        observation_horizon: To.
    """

    def __init__(
        self,
        episodes: Sequence[TensorDictBase],
        fields: Sequence[str],
        observation_horizon: int,
    ) -> None:
        def together(key: str | tuple[str, str]) -> Tensor:
            return torch.cat([episode.get(key).to(torch.float32) for episode in episodes])

        values = {name: together((OBSERVATION, name)) for name in fields}
        self._shapes = {name: value.shape[1:] for name, value in values.items()}
        # [N, sum of the fields' lengths]
        self._observations = torch.cat([value.flatten(1) for value in values.values()], dim=1)
        self._actions = together(ACTION)  # [N, A]
        self._horizon = observation_horizon
        content = {OBSERVATION: self._observations, ACTION: self._actions}
        super().__init__(TensorDict(content, [len(self._actions)]))

    def get(self, index: Any) -> TensorDict:
        """Reads the windows whose rows are ``index [B, To + Tp]``.

        Returns:
            Batch size ``[B]``: ``observation`` with fields ``[B, To, ...]``, ``action [B, Tp, A]``.
        """
        batch, horizon = len(index), self._horizon
        past = _gather(self._observations, index[:, :horizon])
        sizes = [shape.numel() for shape in self._shapes.values()]
        fields = {
            name: part.view(batch, horizon, *shape)
            for (name, shape), part in zip(
                self._shapes.items(), past.split(sizes, dim=-1), strict=True
            )
        }
        future = _gather(self._actions, index[:, horizon:])
        observation = TensorDict(fields, [batch, horizon])
        return TensorDict({OBSERVATION: observation, ACTION: future}, [batch])


def _gather(matrix: Tensor, rows: Tensor) -> Tensor:
    """``matrix[rows]`` for ``matrix [N, D]`` and ``rows [B, H]``, by the fast kernel for rows."""
    return matrix.index_select(0, rows.flatten()).view(*rows.shape, -1)
