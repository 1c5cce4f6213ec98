"""What environments of several arms share: what they show and take, phi, rows that rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor
from torchrl.data import Binary, Bounded, Composite, Unbounded
from torchrl.envs import EnvBase

from robot.phi import PhiSet, PhiSpace
from robot.schema import COMMAND_TIME, OBSERVATION, OBSERVATION_TIME, PHI


class BatchEnv(EnvBase):
    """``num_envs`` arms, stepped together, each under task parameters of its own.

    Args:
        num_envs: of the batch.
        space: of the task's parameters.
        phi_set: where they are drawn from; may be replaced at any time.
        fields: of an observation, shape by name.
        limits: least and largest command, ``[A]`` each.
        seed: of the draws.
    """

    def __init__(
        self,
        num_envs: int,
        space: PhiSpace,
        phi_set: PhiSet,
        fields: Mapping[str, Sequence[int]],
        limits: tuple[Sequence[float], Sequence[float]],
        seed: int,
    ) -> None:
        super().__init__(device="cpu", batch_size=torch.Size([num_envs]))
        self.num_envs = num_envs
        self.phi_set = phi_set
        self._generator = torch.Generator()
        self._phi: Tensor = torch.zeros(num_envs, len(space))
        self._steps: Tensor = torch.zeros(num_envs, dtype=torch.long)  # of running episodes
        self._make_specs(fields, *(torch.tensor(limit) for limit in limits))
        self.set_seed(seed)

    def _make_specs(self, fields: Mapping[str, Sequence[int]], low: Tensor, high: Tensor) -> None:
        n = self.num_envs
        clock = Unbounded(_size(n, 1), dtype=torch.float64)
        seen = {name: Unbounded(_size(n, *shape)) for name, shape in fields.items()}
        shown: dict[Any, Any] = {
            OBSERVATION: Composite(seen, shape=_size(n)),
            PHI: Unbounded(_size(*self._phi.shape)),
            OBSERVATION_TIME: clock,
            COMMAND_TIME: clock.clone(),
        }
        self.observation_spec = Composite(shown, shape=_size(n))
        self.action_spec = Bounded(low.expand(n, -1), high.expand(n, -1), shape=_size(n, len(low)))
        self.reward_spec = Bounded(0.0, 1.0, shape=_size(n, 1))
        flag = Binary(1, shape=_size(n, 1), dtype=torch.bool)
        ends = {name: flag.clone() for name in ("done", "terminated", "truncated")}
        self.done_spec = Composite(ends, shape=_size(n))

    def _set_seed(self, seed: int | None) -> None:
        self._generator.manual_seed(0 if seed is None else seed)

    @property
    def phi(self) -> Tensor:
        """Task parameters of the running episodes, ``[num_envs, P]``."""
        return self._phi.clone()

    def _rows(self, tensordict: TensorDictBase | None, name: str) -> Tensor:
        """The rows that are meant, bool ``[num_envs]``: those of a field, or all without it."""
        rows = None if tensordict is None else tensordict.get(name, None)
        if rows is None:
            return torch.ones(self.num_envs, dtype=torch.bool)
        return rows.reshape(self.num_envs)


def _size(*dimensions: int) -> torch.Size:
    """A shape, in the type that TorchRL's specs ask for."""
    return torch.Size(dimensions)
