"""What a state is worth: a value function on the same condition the denoiser reads."""

from __future__ import annotations

from torch import Tensor, nn
from typing_extensions import override


class Critic(nn.Module):
    """MLP from a condition ``[B, C]`` to the expected return ``[B]``.

    Args:
        condition_dim: C.
        width: of the two hidden layers.
    """

    def __init__(self, condition_dim: int, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(condition_dim, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 1),
        )

    @override
    def forward(self, condition: Tensor) -> Tensor:
        return self.layers(condition).squeeze(-1)
