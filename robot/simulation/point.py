"""The gripper's point over the table and nothing else: no contact, thousands of episodes a second.

For experiments that need many lifetimes. An arm is a point that goes where it is sent, so far at a
time as its speed allows; what counts is where it is in the end.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.batch_env import BatchEnv
from robot.phi import PhiSet, PhiSpace
from robot.schema import (
    ACTION,
    COMMAND_TIME,
    OBSERVATION,
    OBSERVATION_TIME,
    PHI,
    TaskSpec,
)

HOME = (0.28, 0.0)  # where episodes start, m
START_JITTER = 0.02  # by how much that varies each way, m
SPEED = 0.04  # farthest the point goes in a step, m


class PointTask(Protocol):
    """What the environment asks of a task."""

    phi_space: PhiSpace
    max_steps: int

    @property
    def spec(self) -> TaskSpec:
        """Ranges of what is seen and commanded."""
        ...

    def seen(self, phi: Tensor) -> Tensor:
        """Where the target is seen, ``[B, 2]`` m."""
        ...

    def reached(self, point: Tensor, phi: Tensor) -> Tensor:
        """Whether a point ``[B, 2]`` is where it should be, bool ``[B]``."""
        ...


class PointEnv(BatchEnv):
    """``num_envs`` points, stepped together; otherwise as the simulated arm's environment.

    Args:
        task: where the target is seen, and where it is.
        num_envs: batch size.
        phi_set: where task parameters are drawn from.
        seed: of the draws of phi and of the start.
    """

    def __init__(self, task: PointTask, num_envs: int, phi_set: PhiSet, seed: int = 0) -> None:
        limits = task.spec.action.low, task.spec.action.high
        fields = {name: [len(r)] for name, r in task.spec.observation.items()}
        super().__init__(num_envs, task.phi_space, phi_set, fields, limits, seed)
        self.task = task
        self._point = torch.zeros(num_envs, 2)
        self._command = torch.zeros(num_envs, 2)
        self._low, self._high = (torch.tensor(limit) for limit in limits)

    @property
    def physics_state(self) -> Tensor:
        """Where the points are, ``[num_envs, 2]``."""
        return self._point.clone()

    def _reset(self, tensordict: TensorDictBase | None, **kwargs: Any) -> TensorDictBase:
        drawn = self.phi_set.sample(self.num_envs, self._generator)
        self._phi = kwargs.get("phi", drawn).to(torch.float32)
        spread = 2 * torch.rand(self.num_envs, 2, generator=self._generator) - 1
        self._point = torch.tensor(HOME) + START_JITTER * spread
        self._command = self._point.clone()
        self._steps = torch.zeros_like(self._steps)
        return self._observe()

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        moving = self._rows(tensordict, "_step")
        wanted = tensordict[ACTION].clamp(self._low, self._high)
        self._command = torch.where(moving[:, None], wanted, self._command)
        away = self._command - self._point
        reach = (SPEED / away.norm(dim=-1, keepdim=True).clamp(min=1e-9)).clamp(max=1.0)
        self._point = torch.where(moving[:, None], self._point + reach * away, self._point)
        self._steps += moving
        over = (self._steps >= self.task.max_steps) & moving
        succeeded = over & self.task.reached(self._point, self._phi)
        out = self._observe()
        out.set("reward", succeeded.float()[:, None])
        out.set("terminated", succeeded[:, None])
        out.set("truncated", (over & ~succeeded)[:, None])
        out.set("done", over[:, None])
        return out

    def _observe(self) -> TensorDict:
        target = self.task.seen(self._phi)
        time = (self._steps.double() / self.task.spec.rate)[:, None]
        observation = {
            "point": self._point.clone(),
            "target": target,
            "offset": target - self._point,
            "last_command": self._command.clone(),
        }
        return TensorDict(
            {
                OBSERVATION: TensorDict(observation, batch_size=[self.num_envs]),
                PHI: self._phi.clone(),
                OBSERVATION_TIME: time,
                COMMAND_TIME: time.clone(),
            },
            batch_size=[self.num_envs],
        )
