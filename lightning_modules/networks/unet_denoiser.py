"""Conditional 1-D U-Net denoiser with FiLM (Chi et al. 2023, 2303.04137, section 4.1).

FiLM (Perez et al. 2018, 1709.07871): each channel of a block is scaled and shifted by what the
condition and the denoising step say.

Symbols: B batch, Tp prediction horizon, A dimensions of an action, C of the condition, k the
denoising step, E dimension of k's embedding, F = E + C, W channels, T the length at a level.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from lightning_modules.networks.denoiser import Denoiser
from lightning_modules.networks.embedding import DenoisingStepEmbedding


class UNetDenoiser(Denoiser):
    """U-Net over the time of a chunk; takes any prediction horizon.

    Args:
        action_dim: A.
        horizon: Tp.
        condition_dim: C.
        channels: W of each level, finest first; the length halves from level to level.
        kernel_size: of the convolutions over time, odd.
        num_groups: of the group normalisation; divides all channels.
        embedding_dim: E.

    Raises:
        ValueError: if the kernel is even or ``num_groups`` does not divide the channels.
    """

    def __init__(
        self,
        action_dim: int,
        horizon: int,
        condition_dim: int,
        channels: Sequence[int] = (64, 128, 256),
        kernel_size: int = 5,
        num_groups: int = 8,
        embedding_dim: int = 64,
    ) -> None:
        super().__init__(action_dim, horizon, condition_dim)
        self.check_positive(
            kernel_size=kernel_size, num_groups=num_groups, embedding_dim=embedding_dim
        )
        self.check_positive(**{f"channels[{i}]": width for i, width in enumerate(channels)})
        if not channels or any(width % num_groups for width in channels):
            raise ValueError(
                f"U-Net channels {list(channels)} must be multiples of num_groups {num_groups}"
            )
        if kernel_size % 2 == 0:
            raise ValueError(f"U-Net kernel_size is {kernel_size}, it must be odd")
        self.channels = tuple(channels)
        self.kernel_size = kernel_size
        self.num_groups = num_groups
        self.embedding_dim = embedding_dim

        film_dim = embedding_dim + condition_dim

        def block(fan_in: int, fan_out: int) -> _FiLMBlock:
            return _FiLMBlock(fan_in, fan_out, film_dim, kernel_size, num_groups)

        first, last = self.channels[0], self.channels[-1]
        steps = list(zip(self.channels[:-1], self.channels[1:], strict=True))
        self.embedding = DenoisingStepEmbedding(embedding_dim)
        self.inlet = block(action_dim, first)
        self.shrink = nn.ModuleList(nn.Conv1d(w, w, 3, stride=2, padding=1) for w, _ in steps)
        self.down = nn.ModuleList(block(fine, coarse) for fine, coarse in steps)
        self.middle = block(last, last)
        self.grow = nn.ModuleList(
            nn.ConvTranspose1d(coarse, fine, 4, stride=2, padding=1)
            for fine, coarse in reversed(steps)
        )
        self.up = nn.ModuleList(block(2 * fine, fine) for fine, _ in reversed(steps))
        self.outlet = nn.Conv1d(first, action_dim, 1)

    @override
    def forward(self, x: Tensor, k: Tensor, condition: Tensor) -> Tensor:
        film = torch.cat([self.embedding(k), condition], dim=-1)  # [B, F]
        h = self.inlet(x.transpose(1, 2), film)  # [B, W, T]
        skips: list[Tensor] = []
        for shrink, down in zip(self.shrink, self.down, strict=True):
            skips.append(h)
            h = down(shrink(h), film)
        h = self.middle(h, film)
        for grow, up in zip(self.grow, self.up, strict=True):
            skip = skips.pop()
            # An odd length was rounded up when it was halved: the surplus step is cut off.
            h = up(torch.cat([grow(h)[..., : skip.shape[-1]], skip], dim=1), film)
        return self.outlet(h).transpose(1, 2)


class _FiLMBlock(nn.Module):
    """Two convolutions, FiLM between them, and a residual path; ``[B, in, T] -> [B, out, T]``."""

    def __init__(
        self, fan_in: int, fan_out: int, film_dim: int, kernel_size: int, num_groups: int
    ) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.first = nn.Sequential(
            nn.Conv1d(fan_in, fan_out, kernel_size, padding=padding),
            nn.GroupNorm(num_groups, fan_out),
        )
        self.second = nn.Sequential(
            nn.SiLU(),
            nn.Conv1d(fan_out, fan_out, kernel_size, padding=padding),
            nn.GroupNorm(num_groups, fan_out),
            nn.SiLU(),
        )
        self.film = nn.Sequential(nn.SiLU(), nn.Linear(film_dim, 2 * fan_out))
        self.residual = nn.Conv1d(fan_in, fan_out, 1) if fan_in != fan_out else nn.Identity()

    def forward(self, h: Tensor, film: Tensor) -> Tensor:
        scale, shift = self.film(film).unsqueeze(-1).chunk(2, dim=1)  # [B, out, 1] each
        modulated = torch.addcmul(shift, self.first(h), 1 + scale)
        return self.residual(h) + self.second(modulated)
