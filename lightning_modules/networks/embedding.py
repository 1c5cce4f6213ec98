"""Sinusoidal embedding of the denoising step (Vaswani et al. 2017, section 3.5)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class DenoisingStepEmbedding(nn.Module):
    """Maps denoising steps k, long ``[B]``, to ``[B, dim]`` through sinusoids and a small MLP.

    The frequencies are computed at each call: an averaging callback (EMA) would let a buffer of
    constants drift.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim < 4 or dim % 2:
            raise ValueError(f"denoising step embedding has dimension {dim}: give an even one >= 4")
        self.dim = dim
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim))

    def forward(self, k: Tensor) -> Tensor:
        """Embeds k, long ``[B]``, as ``[B, dim]``."""
        half = self.dim // 2
        exponents = torch.arange(half, device=k.device, dtype=torch.float32) / (half - 1)
        angles = k[:, None] * torch.exp(-math.log(10_000.0) * exponents)  # [B, dim / 2]
        return self.mlp(torch.cat([angles.sin(), angles.cos()], dim=-1))
