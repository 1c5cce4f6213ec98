"""A learner as rollouts see it: it decides wherever the trainer put it."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor


class ModulePolicy:
    """A module in training as the rollouts see it: it computes wherever the trainer put it."""

    def __init__(self, module: Any) -> None:
        self._module = module

    @property
    def device(self) -> torch.device:
        """Where the module is, and its noise must be drawn."""
        return self._module.device

    @property
    def observation_horizon(self) -> int:
        """To: observations a decision needs."""
        return self._module.horizons.observation

    @property
    def action_horizon(self) -> int:
        """Ta: actions to execute before the next decision."""
        return self._module.horizons.action

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, A]``."""
        return self._module(observations.to(self.device), generator)
