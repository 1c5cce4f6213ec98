"""The loader that a Trainer sees: items of a TorchRL replay buffer, resumable at any batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensordict import TensorDict, TensorDictBase
from torchrl.data import TensorDictReplayBuffer, TensorStorage
from torchrl.data.replay_buffers.writers import ImmutableDatasetWriter

from datamodules.passes import PassSampler


class PassLoader:
    """Iterable over batches of constant size: windows, or lifetimes.

    Batch s of epoch e starts at item ``(e * steps_per_epoch + s) * batch_size`` of the sampler's
    endless stream: epochs continue where the last one stopped, whether they are shorter or longer
    than a pass over the data, and any batch can be found again from (e, s), which is all the state
    there is. Lightning calls :meth:`set_epoch` through ``sampler`` before each epoch, and saves
    and restores the state in checkpoints.

    Args:
        storage: what items are read from.
        sampler: their order.
        batch_size: items a batch.
        steps_per_epoch: batches an epoch; ``None`` for one pass in which each item comes exactly
            once (its last batch may be smaller), the same in each epoch, as validation wants it.

    Raises:
        ValueError: if a size is below 1.
    """

    def __init__(
        self,
        storage: TensorStorage,
        sampler: PassSampler,
        batch_size: int,
        steps_per_epoch: int | None = None,
    ) -> None:
        if batch_size < 1 or (steps_per_epoch is not None and steps_per_epoch < 1):
            raise ValueError(
                f"batch_size is {batch_size} and steps_per_epoch {steps_per_epoch}, "
                "both must be at least 1"
            )
        self.buffer = TensorDictReplayBuffer(
            storage=storage, sampler=sampler, writer=ImmutableDatasetWriter()
        )
        self.batch_size = batch_size
        self._items = sampler
        self._steps_per_epoch = steps_per_epoch
        self._epoch = 0
        self._step = 0
        self._resumed = False

    @property
    def sampler(self) -> PassLoader:
        """Where Lightning looks for :meth:`set_epoch`."""
        return self

    @property
    def batch_sampler(self) -> None:
        """None: Lightning asks anything that has a ``sampler``."""
        return

    def __len__(self) -> int:
        """Batches an epoch."""
        if self._steps_per_epoch is not None:
            return self._steps_per_epoch
        return -(-self._items.per_pass // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Starts another epoch; keeps the place if it is the current one."""
        if epoch != self._epoch:
            self._epoch, self._step = epoch, 0

    def __iter__(self) -> Iterator[TensorDictBase]:
        """Batches of the current epoch from its start, or from a restored place."""
        # A generator: Lightning makes iterators that it never asks for a batch, and the restored
        # place must outlive those.
        if not self._resumed:
            self._step = 0
        self._resumed = False
        while self._step < len(self):
            if self._steps_per_epoch is not None:
                start = (self._epoch * self._steps_per_epoch + self._step) * self.batch_size
                size = self.batch_size
            else:
                start = self._step * self.batch_size
                size = min(self.batch_size, self._items.per_pass - start)
            self._step += 1
            self._items.seek(start)
            batch: TensorDict = self.buffer.sample(size)
            yield batch.exclude("index", inplace=True)

    def state_dict(self) -> dict[str, Any]:
        """The place: epoch and batches yielded in it."""
        return {"epoch": self._epoch, "step": self._step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Lets the next iteration go on from a saved place."""
        self._epoch, self._step = int(state_dict["epoch"]), int(state_dict["step"])
        self._resumed = True
