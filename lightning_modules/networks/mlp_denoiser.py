"""Residual MLP denoiser: the fastest on a CPU, and enough for low-dimensional states.

Symbols: B batch, Tp prediction horizon, A dimensions of an action, C of the condition, k the
denoising step, W width, E dimension of k's embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override

from lightning_modules.networks.denoiser import Denoiser
from lightning_modules.networks.embedding import DenoisingStepEmbedding


class MLPDenoiser(Denoiser):
    """Pre-normalised residual MLP on the concatenation of flat x_k, k's embedding and condition.

    Args:
        action_dim: A.
        horizon: Tp.
        condition_dim: C.
        width: W.
        num_blocks: residual blocks of two linear layers.
        embedding_dim: E.
    """

    def __init__(
        self,
        action_dim: int,
        horizon: int,
        condition_dim: int,
        width: int = 384,
        num_blocks: int = 2,
        embedding_dim: int = 32,
    ) -> None:
        super().__init__(action_dim, horizon, condition_dim)
        self.check_positive(width=width, num_blocks=num_blocks, embedding_dim=embedding_dim)
        self.width = width
        self.num_blocks = num_blocks
        self.embedding_dim = embedding_dim
        chunk_dim = horizon * action_dim
        self.embedding = DenoisingStepEmbedding(embedding_dim)
        self.inlet = nn.Linear(chunk_dim + embedding_dim + condition_dim, width)
        self.blocks = nn.ModuleList(_ResidualBlock(width) for _ in range(num_blocks))
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, chunk_dim))

    @override
    def forward(self, x: Tensor, k: Tensor, condition: Tensor) -> Tensor:
        h = self.inlet(torch.cat([x.flatten(1), self.embedding(k), condition], dim=-1))  # [B, W]
        for block in self.blocks:
            h = block(h)
        return self.outlet(h).reshape(x.shape)


class _ResidualBlock(nn.Module):
    """h + MLP(norm(h)), ``[B, W] -> [B, W]``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.layers(h)
