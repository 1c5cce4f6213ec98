"""Maps observations and actions between real units and [-1, 1] by the task's ranges.

The ranges are the task's (workspace, joint limits), never those that demonstrations span: a
policy cloned at one point must be able to see and to command the whole table later.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robot.schema import Range, TaskSpec


class Normalizer(nn.Module):
    """Affine maps fixed by a task; its buffers travel in the checkpoint.

    Args:
        spec: the task, whose observation fields are concatenated in its order.
    """

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        fields = spec.observation.values()
        observation = Range(
            tuple(x for r in fields for x in r.low), tuple(x for r in fields for x in r.high)
        )
        for name, bounds in (("observation", observation), ("action", spec.action)):
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

    def action(self, value: Tensor) -> Tensor:
        """Actions ``[..., A]`` to [-1, 1]; a command beyond the range is clamped to it."""
        return ((value - self.action_center) / self.action_half_range).clamp(-1, 1)

    def real_action(self, value: Tensor) -> Tensor:
        """Normalised actions ``[..., A]`` back to real units."""
        return value * self.action_half_range + self.action_center
