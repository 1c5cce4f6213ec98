"""What every denoiser is: a network from (x_k, k, condition) to a chunk-shaped output.

Symbols: B batch, Tp prediction horizon, A dimensions of an action, C of the condition, k the
denoising step (K is noise).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Denoiser(nn.Module, ABC):
    """Base of the denoisers; subclass it to plug in one of your own.

    A subclass takes ``action_dim, horizon, condition_dim`` first, then its own arguments, and
    keeps each of those as an attribute of the same name: checkpoints record them from there.

    Args:
        action_dim: A.
        horizon: Tp.
        condition_dim: C.
    """

    def __init__(self, action_dim: int, horizon: int, condition_dim: int) -> None:
        super().__init__()
        self.check_positive(action_dim=action_dim, horizon=horizon, condition_dim=condition_dim)
        self.action_dim = action_dim
        self.horizon = horizon
        self.condition_dim = condition_dim

    def check_positive(self, **sizes: int) -> None:
        """Refuses sizes below 1 by name.

        Raises:
            ValueError: for the first of them.
        """
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{type(self).__name__}'s {name} is {value}, must be at least 1")

    @abstractmethod
    def forward(self, x: Tensor, k: Tensor, condition: Tensor) -> Tensor:
        """Predicts epsilon or v.

        Args:
            x: noisy action chunks ``[B, Tp, A]``.
            k: denoising step of each, long ``[B]``.
            condition: what the policy has seen, ``[B, C]``.

        Returns:
            ``[B, Tp, A]``.
        """

    @property
    def own_args(self) -> dict[str, Any]:
        """The arguments beyond the three dimensions, as plain data."""
        names = list(inspect.signature(type(self).__init__).parameters)[4:]
        values = {name: getattr(self, name) for name in names}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
