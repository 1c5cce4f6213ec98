"""The one-euro filter: still when a hand is still, quick when it is quick.

Paper: Casiez, Roussel & Vogel 2012, "1 euro filter": a low-pass whose cutoff rises with the speed.
"""

from __future__ import annotations

import math

SPEED_CUTOFF = 1.0  # Hz, of the low-pass on the speed


class OneEuroFilter:
    """Says how much of what is new is taken in; of any space that has distances.

    Args:
        min_cutoff: Hz, when it stands still.
        beta: Hz by which the cutoff rises with each unit of speed a second.
    """

    def __init__(self, min_cutoff: float, beta: float) -> None:
        self.min_cutoff, self.beta = min_cutoff, beta
        self._speed = 0.0

    def reset(self) -> None:
        """Takes it that it stands still."""
        self._speed = 0.0

    def share(self, step: float, period: float) -> float:
        """Of the way from the filtered value to the raw one, what is gone now.

        Args:
            step: how far the raw value went within the period.
            period: s.
        """
        self._speed += _share(SPEED_CUTOFF, period) * (step / period - self._speed)
        return _share(self.min_cutoff + self.beta * self._speed, period)


def _share(cutoff: float, period: float) -> float:
    """Of a low-pass: ``1 / (1 + tau / T)`` with ``tau = 1 / (2 pi f)``."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * period))
