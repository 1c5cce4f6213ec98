"""How likely an attempt succeeds at any task parameter, from the latest attempts near it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from robot.phi import PhiSpace

PROBES = 256  # places at which progress is read off


class SuccessMap:
    """Kernel estimate of the success probability over a space of task parameters.

    ``p(phi) = (1/2 w_0 + sum_i w(phi, phi_i) success_i) / (w_0 + sum_i w(phi, phi_i))`` with a
    Gaussian kernel ``w`` over the parameters scaled to [0, 1] (Nadaraya & Watson 1964) and a prior
    of 1/2 with the weight ``w_0 = 1`` of one attempt: where nothing is known, everything is open.

    Args:
        space: the task's parameters.
        bandwidth: standard deviation of the kernel, as a share of each parameter's range.
        memory: attempts that are remembered, the latest.
    """

    def __init__(self, space: PhiSpace, bandwidth: float, memory: int) -> None:
        low = torch.tensor([d.low for d in space.dimensions])
        high = torch.tensor([d.high for d in space.dimensions])
        self._low = low
        self._width = (high - low).where(high > low, torch.ones_like(low))
        self._bandwidth, self._memory = bandwidth, memory
        self._phi = torch.empty(0, len(space))
        self._success = torch.empty(0)

    def add(self, phi: Tensor, success: Tensor) -> None:
        """Remembers attempts at ``phi [n, P]``; ``success`` is bool ``[n]``."""
        self._phi = torch.cat([self._phi, phi])[-self._memory :]
        self._success = torch.cat([self._success, success.float()])[-self._memory :]

    def __call__(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """Success probability at ``phi [n, P]`` and how many attempts speak for it, ``[n]``."""
        weight = (-0.5 * torch.cdist(self._scaled(phi), self._scaled(self._phi)).square()).exp()
        total = weight.sum(-1)
        return (0.5 + weight @ self._success) / (1 + total), total

    def coverage(self, probes: Tensor) -> float:
        """Mean success expected at ``probes [n, P]``, 0 where nothing is known: how far one is."""
        p, total = self(probes)
        return float(((p * (1 + total) - 0.5) / (1 + total)).mean())

    def _scaled(self, phi: Tensor) -> Tensor:
        return (phi - self._low) / self._width / self._bandwidth

    def state_dict(self) -> dict[str, Any]:
        """The remembered attempts."""
        return {"phi": self._phi, "success": self._success}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`."""
        self._phi, self._success = state["phi"], state["success"]
