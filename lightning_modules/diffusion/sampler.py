"""From noise to action chunks: DDIM, DDPM and DPM-Solver, as skilled or as clumsy as asked.

Papers: DDPM (2006.11239, algorithm 2), DDIM (2010.02502, eq. 12), DPM-Solver++ (2211.01095,
algorithm 2; its stochastic variant with eta 1).

Symbols:
    K, k        denoising steps of the schedule, one of them (K is noise, 0 is clean)
    N           denoising steps taken, N <= K
    Tp, A       prediction horizon, dimensions of an action

All randomness comes in as one tensor, ``noise [M, B, Tp, A]``: the initial x_K, then what the
denoising steps inject. The last step injects none (M = N), unless a learner explores or the chain
is truncated (M = N + 1).
Sampling is therefore a pure function: a sample of a batch equals the same sample alone, and a
caller may hold a part of the noise fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.distributions import Normal

from lightning_modules.diffusion.exploration import Exploration
from lightning_modules.diffusion.schedule import Schedule

Kind = Literal["ddim", "ddpm", "dpm_solver"]
Denoise = Callable[[Tensor, int], Tensor]
"""Output of a conditioned denoiser ``[B, Tp, A]`` for x_k ``[B, Tp, A]`` and k."""


@dataclass(frozen=True)
class Sampler:
    """How chunks are sampled; stride, temperatures and guidance are knobs that degrade a policy.

    Attributes:
        kind: ``ddim``, ``ddpm`` or ``dpm_solver``. ``ddpm`` is ``ddim`` with eta 1, but for
            chunks whose predicted x_0 was clipped: it then re-derives epsilon from x_0.
        num_steps: denoising steps taken, evenly spaced over the schedule.
        stride: schedule steps per denoising step, instead of ``num_steps``. With neither,
            every step is taken.
        temperature: scale of all injected noise, the initial one included; what a learner adds
            to explore does not count.
        initial_temperature: scale of the initial noise alone, instead of ``temperature``.
        guidance: weight of the condition (classifier-free: Ho & Salimans 2022, 2207.12598):
            0 ignores what was seen, 1 is the policy itself, above 1 exaggerates.
        truncation: how many of the last denoising steps are left out. What is executed is still
            noisy then.
        eta: 0 deterministic .. 1 as stochastic as DDPM. ``ddpm`` takes 1 only, ``dpm_solver``
            0 (ODE) or 1 (SDE).

    Raises:
        ValueError: if an argument is out of range or two of them exclude each other.
    """

    kind: Kind = "ddim"
    num_steps: int | None = None
    stride: int | None = None
    temperature: float = 1.0
    initial_temperature: float | None = None
    guidance: float = 1.0
    truncation: int = 0
    eta: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no sampler {self.kind!r}; there are {', '.join(get_args(Kind))}")
        if self.num_steps is not None and self.stride is not None:
            raise ValueError(
                f"sampler has num_steps {self.num_steps} and stride {self.stride}: give one of them"
            )
        for name in ("num_steps", "stride"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"sampler's {name} is {value}, it must be at least 1")
        for name in ("temperature", "initial_temperature", "guidance"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value}, it must not be negative, and finite")
        if self.truncation < 0:
            raise ValueError(f"sampler's truncation is {self.truncation}, it must not be negative")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta is {self.eta}, it must be within 0 and 1")
        if self.kind == "ddpm" and self.eta != 1:
            raise ValueError(f"ddpm has eta 1, not {self.eta}; ddim takes any eta from 0 to 1")
        if self.kind == "dpm_solver" and self.eta not in (0, 1):
            raise ValueError(f"dpm_solver takes eta 0 (ODE) or 1 (SDE), not {self.eta}")

    def steps(self, schedule: Schedule) -> tuple[int, ...]:
        """The denoising steps visited, K down to 0 or to where it is truncated.

        Raises:
            ValueError: if the schedule has fewer steps than asked for, or truncation leaves none.
        """
        steps = self.whole_chain(schedule)
        if self.truncation >= len(steps) - 1:
            raise ValueError(
                f"sampler's truncation is {self.truncation}, it must be less than the "
                f"{len(steps) - 1} denoising steps taken"
            )
        return steps[: len(steps) - self.truncation]

    def whole_chain(self, schedule: Schedule) -> tuple[int, ...]:
        """The same without truncation, K down to 0: N + 1 of them."""
        total = schedule.num_denoising_steps
        if self.stride is not None and self.stride > total:
            raise ValueError(
                f"sampler's stride {self.stride} exceeds the {total} denoising steps "
                "of the schedule"
            )
        if self.num_steps is None:
            return (*range(total, 0, -(self.stride or 1)), 0)
        if self.num_steps > total:
            raise ValueError(
                f"sampler's num_steps {self.num_steps} exceeds the {total} denoising steps "
                "of the schedule"
            )
        n = self.num_steps
        return tuple(round(total * (n - i) / n) for i in range(n + 1))

    def heated(self, factor: float) -> Sampler:
        """The same with all of its temperatures multiplied."""
        initial = self.initial_temperature
        return replace(
            self,
            temperature=factor * self.temperature,
            initial_temperature=None if initial is None else factor * initial,
        )

    def num_noises(self, schedule: Schedule, exploring: bool = False) -> int:
        """M: standard normal draws a sample takes, the initial one included."""
        return len(self.steps(schedule)) - (0 if exploring or self.truncation else 1)


def draw_noise(
    sampler: Sampler,
    schedule: Schedule,
    shape: Sequence[int],
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    device: torch.device | str = "cpu",
    exploring: bool = False,
) -> Tensor:
    """Standard normal noise for a batch of chunks, ``[M, B, Tp, A]``.

    Args:
        shape: ``(B, Tp, A)``.
        generator: one for the batch, or one a sample: sample i of the batch then equals a
            single sample drawn with generator i. Noise is drawn where a generator lives.
        device: where the noise is needed.
        exploring: whether the last denoising step is to inject noise, too.

    Raises:
        ValueError: if there are as many generators as neither one nor B.
    """
    batch, *chunk = shape
    n = sampler.num_noises(schedule, exploring)
    if generator is None or isinstance(generator, torch.Generator):
        origin = device if generator is None else generator.device
        noise = torch.randn(n, batch, *chunk, generator=generator, device=origin)
        return noise.to(device)
    if len(generator) != batch:
        raise ValueError(f"{len(generator)} generators for a batch of {batch}: give one each")
    samples = [torch.randn(n, *chunk, generator=g, device=g.device).to(device) for g in generator]
    return torch.stack(samples, dim=1)


def sample_chain(
    denoise: Denoise,
    schedule: Schedule,
    sampler: Sampler,
    noise: Tensor,
    exploration: Exploration | None = None,
) -> Tensor:
    """Denoises chunks and keeps every x_k on the way, for pictures and policy gradients.

    Args:
        denoise: the conditioned denoiser.
        noise: standard normal ``[M, B, Tp, A]``, see :func:`draw_noise`.
        exploration: what is added to act otherwise than the policy would. Not for ``dpm_solver``.

    Returns:
        The chain x_K .. x_0, ``[N + 1, B, Tp, A]``.
    """
    if exploration is not None:
        sampler = sampler.heated(exploration.temperature)
    steps = sampler.steps(schedule)
    expected = sampler.num_noises(schedule, exploration is not None)
    if noise.shape[0] != expected:
        raise ValueError(f"{noise.shape[0]} draws of noise, the sampler takes {expected}")
    advance = (
        _solver(schedule, sampler)
        if sampler.kind == "dpm_solver"
        else _reverse_process(schedule, sampler, exploration)
    )
    initial = sampler.initial_temperature
    chain = [(sampler.temperature if initial is None else initial) * noise[0]]
    for i, (k, j) in enumerate(pairwise(steps), start=1):
        x_k = chain[-1]  # [B, Tp, A]
        output = denoise(x_k, k)
        chain.append(advance(output, x_k, k, j, noise[i] if i < expected else None))
    return torch.stack(chain)


def transition(
    output: Tensor, schedule: Schedule, sampler: Sampler, x_k: Tensor, k: Tensor, j: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean ``[B, Tp, A]`` and standard deviation ``[B, 1, 1]`` of the sampler's p(x_j | x_k).

    The temperature scales the deviation.

    Not for ``dpm_solver``, whose steps depend on those before.

    Args:
        output: the denoiser's output at ``x_k``, ``[B, Tp, A]``.
        x_k: noisy chunks ``[B, Tp, A]``.
        k: denoising step of each sample, long ``[B]``.
        j: step each goes to, long ``[B]``.
    """
    mean, std = schedule.transition(
        output, x_k, k, j, eta=sampler.eta, consistent=sampler.kind == "ddpm"
    )
    return mean, sampler.temperature * std


def log_prob(
    output: Tensor,
    schedule: Schedule,
    sampler: Sampler,
    exploration: Exploration,
    x_k: Tensor,
    x_j: Tensor,
    k: Tensor,
    j: Tensor,
    horizon: int | None = None,
) -> Tensor:
    """Log-density of an explored denoising step, log p(x_j | x_k).

    DPPO (2409.00588, eq. 4.2): a denoising step is an action of an inner Markov decision process,
    drawn from a normal distribution, so that a policy gradient needs no more than this.

    Args:
        output: the denoiser's output at ``x_k``, ``[B, Tp, A]``.
        x_k: noisy chunks ``[B, Tp, A]``.
        x_j: the chunks that were drawn from them.
        k: denoising step of each sample, long ``[B]``.
        j: step each went to, long ``[B]``.
        horizon: density of the first so many steps alone (T); of all if None.

    Returns:
        That of each independent mode of the noise, ``[B, T, A]``; their sum is the whole.

    Raises:
        ValueError: if the sampler's steps have no density.
    """
    if sampler.kind == "dpm_solver":
        raise ValueError("the steps of dpm_solver have no density; those of ddim and ddpm do")
    heated = sampler.heated(exploration.temperature)
    mean, std = transition(output, schedule, heated, x_k, k, j)
    away = (x_j - mean)[:, :horizon]
    deviation, basis = exploration.modes(std, away.shape[1])
    return Normal(0.0, deviation, validate_args=False).log_prob(basis.T @ away)


# From the denoiser's output, x_k, k, j and the noise to inject (none in the last step): x_j.
_Advance = Callable[[Tensor, Tensor, int, int, Tensor | None], Tensor]


def filled(k: int, x: Tensor) -> Tensor:
    """Denoising step k for every sample of ``x``, long ``[B]``."""
    return torch.full((x.shape[0],), k, dtype=torch.long, device=x.device)


def _reverse_process(
    schedule: Schedule, sampler: Sampler, exploration: Exploration | None
) -> _Advance:
    """DDIM and DDPM: a draw from the transition p(x_j | x_k)."""

    def advance(output: Tensor, x_k: Tensor, k: int, j: int, noise: Tensor | None) -> Tensor:
        mean, std = transition(output, schedule, sampler, x_k, filled(k, x_k), filled(j, x_k))
        if noise is None:
            return mean
        if exploration is None:
            return mean + std * noise
        deviation, basis = exploration.modes(std, noise.shape[1])
        return mean + basis @ (deviation * (basis.T @ noise))

    return advance


def _solver(schedule: Schedule, sampler: Sampler) -> _Advance:
    """DPM-Solver++ of order 2 by diffusers, given the clipped x_0 rather than the output."""
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    scheduler = DPMSolverMultistepScheduler(
        schedule.num_denoising_steps,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="sample",
        algorithm_type="sde-dpmsolver++" if sampler.eta else "dpmsolver++",
    )
    scheduler.set_timesteps(timesteps=[k - 1 for k in sampler.whole_chain(schedule)[:-1]])

    def advance(output: Tensor, x_k: Tensor, k: int, j: int, noise: Tensor | None) -> Tensor:
        x_0, _ = schedule.clean_and_noise(output, x_k, filled(k, x_k))
        injected = torch.zeros_like(x_k) if noise is None else sampler.temperature * noise
        # diffusers leaves the type of what a step returns partially unknown.
        step: Callable[..., tuple[Tensor, ...]] = scheduler.step  # pyright: ignore
        return step(x_0, k - 1, x_k, variance_noise=injected, return_dict=False)[0]

    return advance
