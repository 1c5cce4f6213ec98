"""Linear warm-up, then a cosine to zero (Loshchilov & Hutter 2017, 1608.03983, eq. 5)."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(optimizer: Optimizer, warmup_steps: int, total_steps: float) -> LambdaLR:
    """Learning-rate schedule over ``total_steps`` optimiser steps.

    Raises:
        ValueError: if the training has no end to anneal towards.
    """
    if math.isinf(total_steps):
        raise ValueError(
            "the learning rate anneals to the end: set trainer max_steps or max_epochs"
        )

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    return LambdaLR(optimizer, factor)
