"""Windows of (To, Tp) over episodes laid end to end: which rows each has.

The window at step t holds the observations t-To+1..t and the action chunk t..t+Tp-1, which starts
at the current time. Indices are clamped to the episode of t: the first observation and the last
action are repeated, and no window crosses into a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torchrl.data import TensorStorage
from typing_extensions import override

from datamodules.passes import PassSampler
from robot.schema import ACTION, OBSERVATION


class WindowSampler(PassSampler):
    """Yields the storage rows of windows, ``[B, To + Tp]``: observations, then actions.

    Args:
        lengths: steps of each episode, in the order in which they lie in the storage.
        observation_horizon: To.
        prediction_horizon: Tp.
        seed: as in PassSampler.
        rank: as in PassSampler.
        world_size: as in PassSampler.
        shuffle: as in PassSampler.

    Raises:
        ValueError: if an episode or a horizon is empty, or ranks cannot share the windows.
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
        steps = torch.as_tensor(lengths, dtype=torch.int64)
        ends = steps.cumsum(0)
        self._first = torch.repeat_interleave(ends - steps, steps)  # [N] first step of t's episode
        self._last = torch.repeat_interleave(ends - 1, steps)  # [N] last step of t's episode
        self._past = torch.arange(1 - observation_horizon, 1)  # [To]
        self._future = torch.arange(prediction_horizon)  # [Tp]
        # A window for each step of each episode.
        super().__init__(
            len(self._first), seed=seed, rank=rank, world_size=world_size, shuffle=shuffle
        )

    @override
    def rows(self, items: Tensor) -> Tensor:
        """Storage rows of the windows at the steps ``items [B]``: ``[B, To + Tp]``."""
        t = items[:, None]
        past = torch.maximum(t + self._past, self._first[t])
        future = torch.minimum(t + self._future, self._last[t])
        return torch.cat([past, future], dim=1)


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
