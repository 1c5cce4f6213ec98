"""What the training processes share: work, and what they know together."""

from __future__ import annotations

import torch
from lightning import LightningModule, Trainer
from torch import Tensor


def share(n: int, trainer: Trainer) -> Tensor:
    """Which of ``n`` pieces of work are this rank's, long; every rank has as many.

    Where they do not come out even some are done twice, and :func:`of_all` leaves them out.
    """
    each = -(-n // trainer.world_size)
    return (torch.arange(each) * trainer.world_size + trainer.global_rank) % n


def gather(module: LightningModule, value: Tensor) -> Tensor:
    """The values of every rank, ``[share, ...] -> [world, share, ...]``, on the CPU."""
    if module.trainer.world_size == 1:
        return value[None].cpu()
    gathered = module.all_gather(value.to(module.device))
    assert isinstance(gathered, Tensor)
    return gathered.cpu()


def of_all(module: LightningModule, value: Tensor, n: int) -> Tensor:
    """What all ranks made of their shares of ``n``, in the order of the work, ``[n, ...]``."""
    return gather(module, value).transpose(0, 1).flatten(0, 1)[:n]


def of_every_decision(module: LightningModule, values: Tensor) -> tuple[Tensor, slice]:
    """Values of all ranks, however many each has: ``[D, ...] -> [sum of D, ...]``.

    Returns:
        They, on the module's device, and which of them are this rank's.
    """
    if getattr(module, "_trainer", None) is None or module.trainer.world_size == 1:
        return values, slice(len(values))
    counts = gather(module, torch.tensor(len(values))).tolist()
    padded = values.new_zeros(max(counts), *values.shape[1:])
    padded[: len(values)] = values
    rows = gather(module, padded)
    everyone = torch.cat([row[:count] for row, count in zip(rows, counts, strict=True)])
    first = sum(counts[: module.global_rank])
    return everyone.to(values.device), slice(first, first + len(values))
