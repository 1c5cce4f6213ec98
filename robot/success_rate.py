"""How sure a success rate is: the Wilson score interval.

Wilson 1927, "Probable inference, the law of succession, and statistical inference", with the
notation of Brown, Cai and DasGupta 2001, "Interval estimation for a binomial proportion", eq. 4.

=========  ==================================================
``x``      successes
``n``      episodes
``p``      x / n
``z``      quantile of the normal distribution, 1.96 for 95 %
=========  ==================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

Z_95 = 1.959963984540054


def wilson_interval(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Bounds of the success probability after ``successes`` in ``n`` episodes.

    ``(p + z^2/2n -+ z sqrt(p(1 - p)/n + z^2/4n^2)) / (1 + z^2/n)``

    Raises:
        ValueError: unless ``0 <= successes <= n`` and ``n > 0``.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes in {n} episodes have no interval")
    p = successes / n
    centre = p + z**2 / (2 * n)
    margin = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At p = 0 and p = 1 one bound is exact; rounding would move it by an ulp.
    low = 0.0 if successes == 0 else (centre - margin) / scale
    high = 1.0 if successes == n else (centre + margin) / scale
    return low, high


@dataclass(frozen=True)
class SuccessRate:
    """Successes among ``n`` episodes, with the 95 % interval of the rate."""

    successes: int
    n: int

    @classmethod
    def of(cls, success: Tensor) -> SuccessRate:
        """Counts a bool tensor ``[n]``."""
        return cls(int(success.sum()), success.numel())

    @property
    def rate(self) -> float:
        """Share of successes."""
        return self.successes / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the rate."""
        return wilson_interval(self.successes, self.n)

    def metrics(self, name: str) -> dict[str, float]:
        """The flat form of logs and results: ``name``, ``name/n``, ``name/lo``, ``name/hi``."""
        low, high = self.interval
        return {name: self.rate, f"{name}/n": self.n, f"{name}/lo": low, f"{name}/hi": high}
