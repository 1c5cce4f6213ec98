"""What a state is worth: a value function on what the denoiser reads, and on the time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override

# Of an attempt: brings their number to about 1.
TYPICAL_DECISIONS = 10


class Critic(nn.Module):
    """MLP from a condition ``[B, C]`` and decisions made ``[B]`` to the expected return ``[B]``.

    Attempts have a time limit, so that the same state is worth less the later it is seen. The
    policy does not see the time.

    Args:
        condition_dim: C.
        width: of the two hidden layers.
    """

    def __init__(self, condition_dim: int, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(condition_dim + 1, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 1),
        )

    @override
    def forward(self, condition: Tensor, decisions: Tensor) -> Tensor:
        time = decisions[:, None].to(condition.dtype) / TYPICAL_DECISIONS
        return self.layers(torch.cat([condition, time], dim=-1)).squeeze(-1)
