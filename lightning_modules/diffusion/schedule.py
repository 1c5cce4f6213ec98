"""The noise schedule and one step of the reverse process, per sample.

Papers: DDPM (Ho et al. 2020, 2006.11239), DDIM (Song et al. 2021, 2010.02502), squared-cosine
betas (Nichol & Dhariwal 2021, 2102.09672), v prediction (Salimans & Ho 2022, 2202.00512).

Symbols:
    K           denoising steps of the schedule
    k           denoising step: k = K is noise, k = 0 is clean (diffusers' timestep is k - 1)
    x_k         noisy action chunk, ``[B, Tp, A]``
    a_k         alpha_bar_k, the share of signal in x_k; a_0 = 1
    epsilon     the noise in x_k;  v = sqrt(a_k) epsilon - sqrt(1 - a_k) x_0
    eta         0: deterministic DDIM, 1: as stochastic as DDPM

Forward process (DDPM eq. 4):           x_k = sqrt(a_k) x_0 + sqrt(1 - a_k) epsilon
Reverse step k -> j < k (DDIM eq. 12, 16):
    sigma = eta sqrt((1 - a_j) / (1 - a_k)) sqrt(1 - a_k / a_j)
    mean  = sqrt(a_j) x_0 + sqrt(1 - a_j - sigma^2) epsilon
With eta 1 and epsilon taken from the clipped x_0, the mean is DDPM's (eq. 7).

Why not ``scheduler.step``: it takes one timestep for a whole batch and gives no distribution,
which a policy gradient through the denoising chain needs. Tests hold both to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v"]


@dataclass(frozen=True)
class Schedule:
    """Squared-cosine noise schedule and what the network predicts in it.

    Attributes:
        num_denoising_steps: K.
        prediction: what the denoiser outputs, ``epsilon`` or ``v``.
        clip: bound on the magnitude of a predicted x_0; actions are normalised to [-1, 1].

    Raises:
        ValueError: if an argument is out of range.
    """

    num_denoising_steps: int = 20
    prediction: Prediction = "epsilon"
    clip: float = 1.0

    def __post_init__(self) -> None:
        if self.num_denoising_steps < 1:
            raise ValueError(
                f"num_denoising_steps is {self.num_denoising_steps}, it must be at least 1"
            )
        if self.prediction not in get_args(Prediction):
            choices = ", ".join(get_args(Prediction))
            raise ValueError(f"no prediction {self.prediction!r}; there are {choices}")
        if not self.clip > 0:
            raise ValueError(f"clip is {self.clip}, it must be above 0")

    def alpha_bar(self, device: torch.device | str = "cpu") -> Tensor:
        """The share of signal a_0 .. a_K, float32 ``[K + 1]``; a_0 is 1."""
        return _alpha_bar(self.num_denoising_steps, torch.device(device))

    def signal_and_noise(self, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(a_k) and sqrt(1 - a_k) of each sample, shaped to multiply ``x``."""
        alpha_bar = self.alpha_bar(x.device)[k].reshape(-1, *[1] * (x.ndim - 1))  # [B, 1, 1]
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()

    def add_noise(self, x_0: Tensor, epsilon: Tensor, k: Tensor) -> Tensor:
        """Forward process: x_k from clean chunks, DDPM eq. 4.

        Args:
            x_0: clean chunks ``[B, Tp, A]``.
            epsilon: standard normal noise ``[B, Tp, A]``.
            k: denoising step of each sample, long ``[B]``, 0 .. K.
        """
        signal, noise = self.signal_and_noise(x_0, k)
        return signal * x_0 + noise * epsilon

    def target(self, x_0: Tensor, epsilon: Tensor, k: Tensor) -> Tensor:
        """What the denoiser should output for ``add_noise(x_0, epsilon, k)``, ``[B, Tp, A]``."""
        if self.prediction == "epsilon":
            return epsilon
        signal, noise = self.signal_and_noise(x_0, k)
        return signal * epsilon - noise * x_0

    def clean_and_noise(self, output: Tensor, x_k: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Reads x_0 (clipped) and epsilon off a denoiser's output.

        Args:
            output: the denoiser's output ``[B, Tp, A]``, of any float type.
            x_k: its input ``[B, Tp, A]``.
            k: denoising step of each sample, long ``[B]``, 1 .. K.

        Returns:
            x_0 and epsilon, ``[B, Tp, A]`` each, in the type of ``x_k``. Epsilon is the one
            predicted: where x_0 was clipped the two no longer add up to ``x_k``.
        """
        output = output.to(x_k.dtype)
        signal, noise = self.signal_and_noise(x_k, k)
        if self.prediction == "epsilon":
            x_0, epsilon = (x_k - noise * output) / signal, output
        else:
            x_0, epsilon = signal * x_k - noise * output, signal * output + noise * x_k
        return x_0.clamp(-self.clip, self.clip), epsilon

    def transition(
        self,
        output: Tensor,
        x_k: Tensor,
        k: Tensor,
        j: Tensor,
        *,
        eta: float = 1.0,
        consistent: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of p(x_j | x_k), DDIM eq. 12 and 16.

        Args:
            output: the denoiser's output at ``x_k``, ``[B, Tp, A]``.
            x_k: noisy chunks ``[B, Tp, A]``.
            k: denoising step of each sample, long ``[B]``, 1 .. K.
            j: step each sample goes to, long ``[B]``, 0 <= j < k; samples may differ in stride.
            eta: 0 deterministic .. 1 as stochastic as DDPM.
            consistent: take epsilon from the clipped x_0, so that the two add up to ``x_k``;
                with eta 1 this is DDPM's posterior (eq. 7).

        Returns:
            Mean ``[B, Tp, A]`` and standard deviation ``[B, 1, 1]``; the latter is 0 at j = 0.
        """
        x_0, epsilon = self.clean_and_noise(output, x_k, k)
        signal_k, noise_k = self.signal_and_noise(x_k, k)
        signal_j, noise_j = self.signal_and_noise(x_k, j)
        if consistent:
            epsilon = (x_k - signal_k * x_0) / noise_k
        std = eta * noise_j / noise_k * (1 - (signal_k / signal_j).square()).sqrt()  # [B, 1, 1]
        direction = (noise_j.square() - std.square()).clamp(min=0).sqrt()
        return signal_j * x_0 + direction * epsilon, std


@lru_cache
def _alpha_bar(num_denoising_steps: int, device: torch.device) -> Tensor:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    scheduler = DDPMScheduler(num_denoising_steps, beta_schedule="squaredcos_cap_v2")
    # Cached for good: a tensor born under inference mode could never enter a training graph.
    with torch.inference_mode(False):
        return torch.cat([torch.ones(1), scheduler.alphas_cumprod]).to(device)
