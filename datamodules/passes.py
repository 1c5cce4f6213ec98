"""The order in which items of a replay buffer come, shared among ranks and resumable anywhere.

The order is a pure function of (seed, pass, rank, world size). A pass is a permutation of all
items, the same on every rank, of which rank r takes every ``world_size``-th from r on; passes
follow each other in an endless stream, so that every batch has the same size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchrl.data.replay_buffers.samplers import Sampler
from torchrl.data.replay_buffers.storages import Storage


class PassSampler(Sampler):
    """Yields items pass after pass.

    Args:
        count: how many items there are, for all ranks together.
        seed: of the order.
        rank: which of the disjoint parts of a pass to yield.
        world_size: number of parts.
        shuffle: whether a pass is permuted; otherwise items come in their order.

    Raises:
        ValueError: if the rank is not below the world size, or there are fewer items than ranks.
    """

    def __init__(
        self, count: int, *, seed: int, rank: int = 0, world_size: int = 1, shuffle: bool = True
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size} ranks")
        self._count = count
        self._seed, self._rank, self._world_size = seed, rank, world_size
        self._shuffle = shuffle
        self._passes: dict[int, Tensor] = {}
        self.position = 0
        if self.per_pass < 1:
            raise ValueError(f"{count} items cannot be shared among {world_size} ranks")

    def __len__(self) -> int:
        """Items of all ranks."""
        return self._count

    @property
    def per_pass(self) -> int:
        """Items of this rank in one pass; the same on all ranks."""
        return len(self) // self._world_size

    def seek(self, position: int) -> None:
        """Goes to the ``position``-th item of this rank's stream."""
        self.position = position

    def rows(self, items: Tensor) -> Tensor:
        """Where the items ``[B]`` lie in the storage."""
        return items

    def sample(self, storage: Storage, batch_size: int) -> tuple[Tensor, dict[str, Any]]:
        """The next ``batch_size`` items of the stream; advances the position."""
        parts: list[Tensor] = []
        position, end = self.position, self.position + batch_size
        while position < end:
            number, offset = divmod(position, self.per_pass)
            part = self._pass(number)[offset : offset + end - position]
            parts.append(part)
            position += len(part)
        self.position = end
        return self.rows(torch.cat(parts)), {}

    def _pass(self, number: int) -> Tensor:
        """This rank's items in one pass over all, ``[per_pass]``."""
        if number not in self._passes:
            if self._shuffle:
                entropy = np.random.SeedSequence((self._seed, number)).generate_state(1, np.uint64)
                generator = torch.Generator().manual_seed(int(entropy[0] >> 1))
                order = torch.randperm(len(self), generator=generator)
            else:
                order = torch.arange(len(self))
            share = order[self._rank :: self._world_size][: self.per_pass]
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
