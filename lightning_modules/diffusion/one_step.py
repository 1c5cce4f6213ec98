"""What a student has to predict to get in one step where its teacher gets in several.

Paper: progressive distillation (Salimans & Ho 2022, 2202.00512, section 3, eq. 40 of its appendix).

A deterministic step (DDIM, eta 0) goes from x_k to

    x_j = s_j x_0 + n_j epsilon,    epsilon = (x_k - s_k x_0) / n_k

with s^2 the share of signal and n^2 that of noise. Given x_k and x_j it is solved for x_0.

Symbols: B chunks, Tp prediction horizon, A dimensions of an action.
"""

from __future__ import annotations

from torch import Tensor

from lightning_modules.diffusion.schedule import Schedule


def one_step(
    schedule: Schedule, x_k: Tensor, x_j: Tensor, k: Tensor, j: Tensor
) -> tuple[Tensor, Tensor]:
    """The clean chunk and the noise whose deterministic step from ``x_k`` ends at ``x_j``.

    Args:
        schedule: of the noise.
        x_k: noisy chunks ``[B, Tp, A]``.
        x_j: where several steps have led, ``[B, Tp, A]``.
        k: denoising step of each sample, long ``[B]``.
        j: step each goes to, long ``[B]``, below ``k``.

    Returns:
        x_0 and epsilon, ``[B, Tp, A]`` each.
    """
    signal_k, noise_k = schedule.signal_and_noise(x_k, k)
    signal_j, noise_j = schedule.signal_and_noise(x_k, j)
    ratio = noise_j / noise_k
    x_0 = (x_j - ratio * x_k) / (signal_j - ratio * signal_k)
    return x_0, (x_k - signal_k * x_0) / noise_k
