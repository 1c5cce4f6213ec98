"""Noise by which a learner tries things out, smooth over the steps of a chunk.

Papers: DPPO (Ren et al. 2024, 2409.00588, section 4.3: a floor on the deviation of every denoising
step), coloured noise for exploration (Eberhard et al. 2023, ICLR).

White noise on the actions of a chunk mostly cancels: the arm shakes, and is displaced by little.
What decides whether it grasps is the displacement. So most of the power goes into noise that is
alike in neighbouring steps; its covariance over steps s and t is

    std^2 [(1 - coherence) 1(s = t) + coherence exp(-(s - t)^2 / (2 smoothness^2))]

Symbols: T steps of a chunk (the predicted or the executed ones).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True)
class Exploration:
    """How attempts vary.

    Attributes:
        std: standard deviation in normalised action units, at the start.
        final_std: what it falls to; it stays as it is, if None.
        temperature: by which that of the sampler is multiplied.
        final_temperature: what that falls to; it stays as it is, if None.
        iterations: over how many iterations they fall, evenly.
        coherence: share of the variance that is smooth over the steps of a chunk; the rest is
            white, and a floor under the sampler's own deviation. 0 is DPPO's exploration.
        smoothness: over how many steps, the length of a squared exponential kernel.

    Raises:
        ValueError: if an argument is out of range.
    """

    std: float = 0.04
    coherence: float = 0.9
    smoothness: float = 4.0
    final_std: float | None = None
    temperature: float = 1.0
    final_temperature: float | None = None
    iterations: int = 100

    def __post_init__(self) -> None:
        for name in ("std", "final_std", "temperature", "final_temperature"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"exploration's {name} is {value}, it must be above 0 and finite")
        if self.iterations < 1:
            raise ValueError(f"exploration's iterations is {self.iterations}, it must be above 0")
        if not 0 <= self.coherence < 1:
            raise ValueError(f"exploration's coherence is {self.coherence}, it must be in [0, 1)")
        if not 0 < self.smoothness < math.inf:
            raise ValueError(
                f"exploration's smoothness is {self.smoothness}, it must be above 0 and finite"
            )

    def at(self, iteration: int) -> Exploration:
        """The exploration of an iteration, 0 the first."""
        gone = min(1.0, iteration / self.iterations)

        def now(start: float, end: float | None) -> float:
            return start if end is None else start + gone * (end - start)

        return replace(
            self,
            std=now(self.std, self.final_std),
            temperature=now(self.temperature, self.final_temperature),
        )

    def modes(self, std: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Noise over a chunk as independent modes: with basis U, its covariance is U diag(s^2) U'.

        Args:
            std: the sampler's own deviation, ``[B, 1, 1]``.
            steps: T.

        Returns:
            Deviations s ``[B, T, 1]`` and basis U ``[T, T]``, a mode a column.
        """
        power, basis = _smooth_modes(self.smoothness, steps, std.device)
        white = std.clamp(min=self.std * math.sqrt(1 - self.coherence))
        smooth = self.std**2 * self.coherence * power[:, None]
        return (white.square() + smooth).sqrt(), basis


@lru_cache
def _smooth_modes(smoothness: float, steps: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Eigenvalues ``[T]`` and eigenvectors ``[T, T]`` of the kernel."""
    # Cached for good: a tensor born under inference mode could never enter a training graph.
    with torch.inference_mode(False):
        t = torch.arange(steps, dtype=torch.float64)
        kernel = torch.exp(-(t[:, None] - t).square() / (2 * smoothness**2))
        power, basis = torch.linalg.eigh(kernel)
        return power.clamp(min=0).float().to(device), basis.float().to(device)
