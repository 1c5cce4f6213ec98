"""What all training processes know together."""

from __future__ import annotations

from lightning import LightningModule
from torch import Tensor


def gather(module: LightningModule, value: Tensor) -> Tensor:
    """The values of every rank, ``[share, ...] -> [world, share, ...]``, on the CPU."""
    if module.trainer.world_size == 1:
        return value[None].cpu()
    gathered = module.all_gather(value.to(module.device))
    assert isinstance(gathered, Tensor)
    return gathered.cpu()
