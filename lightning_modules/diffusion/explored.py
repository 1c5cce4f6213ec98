"""Chunks that are drawn to learn from: the tuned denoising steps, and how likely each was.

Paper: DPPO (Ren et al. 2024, 2409.00588, section 4.1).

Symbols:
    K'          how many of the last denoising steps are tuned
    B           chunks
    Tp, A       prediction horizon, dimensions of an action
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from lightning_modules.diffusion.exploration import Exploration
from lightning_modules.diffusion.sampler import Denoise, Sampler, filled, log_prob, sample_chain
from lightning_modules.diffusion.schedule import Schedule


def explored(
    denoise: Denoise,
    schedule: Schedule,
    sampler: Sampler,
    exploration: Exploration,
    noise: Tensor,
    tuned: int,
    horizon: int,
) -> tuple[Tensor, Tensor]:
    """Denoises with exploration, and rates the tuned steps.

    Args:
        denoise: the conditioned denoiser.
        schedule: of the noise.
        sampler: how chunks are sampled.
        exploration: what is added.
        noise: standard normal, as :func:`draw_noise` makes it for one who explores.
        tuned: K'.
        horizon: how many steps of a chunk are executed, and count.

    Returns:
        The tuned part of the chain, ``[B, K' + 1, Tp, A]``, and the mean log-density of each of its
        steps over the executed chunk, ``[B, K']``.
    """
    outputs: list[Tensor] = []

    def noted(x: Tensor, k: int) -> Tensor:
        outputs.append(denoise(x, k))
        return outputs[-1]

    chain = sample_chain(noted, schedule, sampler, noise, exploration)[-tuned - 1 :]
    pairs = tuned_pairs(schedule, sampler, tuned)
    densities = [
        step_log_prob(
            output,
            schedule,
            sampler,
            exploration,
            x_k,
            x_j,
            filled(k, x_k),
            filled(j, x_k),
            horizon,
        )
        for output, (x_k, x_j), (k, j) in zip(outputs[-tuned:], pairwise(chain), pairs, strict=True)
    ]
    return chain.transpose(0, 1), torch.stack(densities, dim=1)


def tuned_pairs(schedule: Schedule, sampler: Sampler, tuned: int) -> Sequence[tuple[int, int]]:
    """From which denoising step to which each tuned one goes, noisiest first."""
    return list(pairwise(sampler.steps(schedule)))[-tuned:]


def step_log_prob(
    output: Tensor,
    schedule: Schedule,
    sampler: Sampler,
    exploration: Exploration,
    x_k: Tensor,
    x_j: Tensor,
    k: Tensor,
    j: Tensor,
    horizon: int,
) -> Tensor:
    """Mean log-density of denoising steps over the executed chunk, ``[B]``.

    Args:
        output: the denoiser's output at ``x_k``, ``[B, Tp, A]``; the others as for
            :func:`log_prob`.
    """
    density = log_prob(output, schedule, sampler, exploration, x_k, x_j, k, j, horizon)
    return density.mean((1, 2))
