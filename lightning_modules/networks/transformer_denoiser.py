"""Transformer denoiser with adaptive layer norm (DiT, Peebles & Xie 2023, 2212.09748).

One token an action; the condition and the denoising step modulate every block (adaLN-Zero,
section 3.2), and each block starts as the identity.

Symbols: B batch, Tp prediction horizon, A dimensions of an action, C of the condition, k the
denoising step, W width, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from typing_extensions import override

from lightning_modules.networks.denoiser import Denoiser
from lightning_modules.networks.embedding import DenoisingStepEmbedding


class TransformerDenoiser(Denoiser):
    """DiT over the actions of a chunk.

    Args:
        action_dim: A.
        horizon: Tp.
        condition_dim: C.
        width: W.
        num_blocks: transformer blocks.
        num_heads: H; divides ``width``.

    Raises:
        ValueError: if ``num_heads`` does not divide ``width``.
    """

    def __init__(
        self,
        action_dim: int,
        horizon: int,
        condition_dim: int,
        width: int = 128,
        num_blocks: int = 3,
        num_heads: int = 4,
    ) -> None:
        super().__init__(action_dim, horizon, condition_dim)
        self.check_positive(width=width, num_blocks=num_blocks, num_heads=num_heads)
        if width % num_heads:
            raise ValueError(
                f"transformer width {width} is not a multiple of num_heads {num_heads}"
            )
        self.width = width
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.embedding = DenoisingStepEmbedding(width)
        self.condition = nn.Linear(condition_dim, width)
        self.inlet = nn.Linear(action_dim, width)
        self.position = nn.Parameter(0.02 * torch.randn(1, horizon, width))
        self.blocks = nn.ModuleList(_DiTBlock(width, num_heads) for _ in range(num_blocks))
        self.norm = _AdaptiveNorm(width)
        self.outlet = nn.Linear(width, action_dim)

    @override
    def forward(self, x: Tensor, k: Tensor, condition: Tensor) -> Tensor:
        context = F.silu(self.embedding(k) + self.condition(condition))  # [B, W]
        h = self.inlet(x) + self.position  # [B, Tp, W]
        for block in self.blocks:
            h = block(h, context)
        return self.outlet(self.norm(h, context)[0])


class _AdaptiveNorm(nn.Module):
    """Layer norm whose scale and shift, and the gate of what follows, come from the context.

    All three start at zero: plain layer norm, closed gate.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, h: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised ``[B, Tp, W]`` and gate ``[B, 1, W]``."""
        scale, shift, gate = self.modulation(context).unsqueeze(1).chunk(3, dim=-1)
        return torch.addcmul(shift, self.norm(h), 1 + scale), gate


class _DiTBlock(nn.Module):
    """Self-attention and an MLP, each behind an adaptive norm and a gate; ``[B, Tp, W]``."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = _AdaptiveNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.mlp_norm = _AdaptiveNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width)
        )

    def forward(self, h: Tensor, context: Tensor) -> Tensor:
        normed, gate = self.attention_norm(h, context)
        h = torch.addcmul(h, gate, self._attend(normed))
        normed, gate = self.mlp_norm(h, context)
        return torch.addcmul(h, gate, self.mlp(normed))

    def _attend(self, h: Tensor) -> Tensor:
        batch, length, width = h.shape
        qkv = self.qkv(h).reshape(batch, length, 3, self.num_heads, width // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # [B, H, Tp, W / H] each
        attended = F.scaled_dot_product_attention(q, k, v)
        return self.projection(attended.transpose(1, 2).reshape(batch, length, width))
