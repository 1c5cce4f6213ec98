"""Maps observations and actions between real units and [-1, 1] by the task's ranges.

The ranges are the task's (workspace, joint limits), never those that demonstrations span: a
policy cloned at one point must be able to see and to command the whole table later.

A chunk is mapped as absolute commands or, where the task gives ``action_change``, as distances
from the last command: ``x = (a - last_command) / half_range`` instead of ``a / half_range``.
"""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor, nn

from robot.schema import Range, TaskSpec


class Normalizer(nn.Module):
    """Affine maps fixed by a task; its buffers travel in the checkpoint.

    Args:
        spec: the task, whose fields that policies read are concatenated in their order.
    """

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        fields = spec.read_ranges.values()
        observation = Range(
            tuple(x for r in fields for x in r.low), tuple(x for r in fields for x in r.high)
        )
        self._relative = spec.action_change is not None
        action = spec.action_change or spec.action
        for name, bounds in (("observation", observation), ("action", action)):
            low, high = torch.tensor(bounds.low), torch.tensor(bounds.high)
            self.register_buffer(f"{name}_center", (high + low) / 2)
            self.register_buffer(f"{name}_half_range", (high - low) / 2)

    observation_center: Tensor  # [Do]
    observation_half_range: Tensor  # [Do]
    action_center: Tensor  # [A]
    action_half_range: Tensor  # [A]

    def observation(self, value: Tensor) -> Tensor:
        """Flat observations ``[..., Do]`` to about [-1, 1]; values beyond the range are kept."""
        return (value - self.observation_center) / self.observation_half_range

    def origin(self, observations: TensorDictBase) -> Tensor:
        """What the chunks of a task are relative to.

        Args:
            observations: fields ``[B, To, ...]``.

        Returns:
            The newest last command ``[B, 1, A]``, or zeros ``[1, 1, A]``.
        """
        if not self._relative:
            return torch.zeros_like(self.action_center)[None, None]
        return observations.get("last_command")[:, -1:].to(torch.float32)

    def action(self, value: Tensor, origin: Tensor | float = 0.0) -> Tensor:
        """Actions ``[..., A]`` to [-1, 1]; a command beyond the range is clamped to it."""
        return ((value - origin - self.action_center) / self.action_half_range).clamp(-1, 1)

    def real_action(self, value: Tensor, origin: Tensor | float = 0.0) -> Tensor:
        """Normalised actions ``[..., A]`` back to real units."""
        return value * self.action_half_range + self.action_center + origin
