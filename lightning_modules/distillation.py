"""Distillation: a student acts, and learns what its teacher would do where it gets.

Papers: policy distillation on the student's states (Ross et al. 2011, 1011.0686; Czarnecki et al.
2019, 1902.02186), kickstarting (Schmitt et al. 2018, 1803.03835: the teacher's weight falls while
reward takes over), as AdA has it (2301.07608): a small teacher boots a larger student. With fewer
denoising steps than its teacher, a student is made for the arm (Salimans & Ho 2022, 2202.00512).

The loss is the squared distance of the two denoisers' outputs at the denoising steps that the
student has taken, at every level of noise.

Symbols: B denoising steps of a minibatch, D decisions, N lifetimes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from typing_extensions import override

from lightning_modules.denoising_steps import denoising_steps
from lightning_modules.diffusion import tuned_pairs
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.learning_from_attempts import LearningFromAttempts
from lightning_modules.lifetime_gradient import LifetimeGradient
from lightning_modules.meta_learner import MetaLearner
from lightning_modules.objectives import StepObjective
from lightning_modules.policy_gradient import PolicyGradient
from lightning_modules.teacher import load_teacher, teacher_targets
from robot.schema import TaskSpec


class Distillation(LearningFromAttempts):
    """Base of the students; beside it a subclass has the learner that the student is.

    Args:
        spec: the task; the command line links it from the data module.
        teacher: checkpoint of a learner for the same task; needed in training alone.
        reward_weight: of what own attempts teach, as in the class that it is a student of.
        iterations: over how many the teacher's weight falls from 1 to 0, evenly; it stays 1, if
            None.
        others: of that class.

    Raises:
        ValueError: if an argument is out of range, nothing is left to learn from in the end, or the
            teacher does not fit.
    """

    def __init__(
        self,
        spec: TaskSpec | Mapping[str, Any],
        teacher: str | None = None,
        reward_weight: float = 0.0,
        iterations: int | None = None,
        **others: Any,
    ) -> None:
        super().__init__(spec, **others)
        if not 0 <= reward_weight < math.inf:
            raise ValueError(
                f"reward_weight is {reward_weight}, it must not be negative, and finite"
            )
        if iterations is not None and (iterations < 1 or not reward_weight):
            raise ValueError(
                f"iterations is {iterations}, at least 1, and reward_weight {reward_weight}: above "
                "0, since the teacher's weight falls to 0"
            )
        if not isinstance(self.objective, StepObjective):
            raise ValueError(
                f"a student learns from denoising steps, {type(self.objective).__name__} clones "
                "chunks: give PPO or Reinforce"
            )
        self.teacher, self.reward_weight, self.iterations = teacher, reward_weight, iterations
        # In a list, lest its weights be taken for the student's.
        self._teachers: list[DiffusionPolicy] = []

    @override
    def init_args(self) -> dict[str, Any]:
        return super().init_args() | {
            "teacher": self.teacher,
            "reward_weight": self.reward_weight,
            "iterations": self.iterations,
        }

    @override
    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage == "fit":
            if self.teacher is None:
                raise ValueError(f"{type(self).__name__} needs the checkpoint of a teacher")
            self._teachers = [load_teacher(self.teacher, self)]

    @property
    def teacher_weight(self) -> float:
        """How much the teacher counts in this iteration."""
        if self.iterations is None:
            return 1.0
        return max(0.0, 1 - self.current_epoch / self.iterations)

    @override
    def attempts_loss(
        self, batch: TensorDictBase, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        loss, critic_loss = torch.zeros((), device=self.device), None
        if self.reward_weight:
            loss, critic_loss = super().attempts_loss(batch, generator)
            loss = self.reward_weight * loss
        if weight := self.teacher_weight:
            (teacher,) = self._teachers
            steps, theirs = self.taught_steps(batch, teacher)
            target = teacher_targets(
                teacher, self.schedule, steps["x_k"], steps["k"], steps["j"], theirs
            )
            output = self.denoiser(steps["x_k"], steps["k"], steps["condition"])
            apart = F.mse_loss(output.float(), target)
            self.log("train/distillation_loss", apart, batch_size=len(batch))
            loss = loss + weight * apart
        return loss, critic_loss

    def taught_steps(
        self, batch: TensorDictBase, teacher: DiffusionPolicy
    ) -> tuple[TensorDictBase, Tensor]:
        """Denoising steps ``[B]`` of a minibatch, and the teacher's condition at each.

        For one without a memory: what is seen is all there is, for both the same.
        """
        return batch, batch["condition"]


class PolicyDistillation(Distillation, PolicyGradient):
    """A diffusion policy that learns from a teacher."""

    def __init__(self, spec: TaskSpec | Mapping[str, Any], **others: Any) -> None:
        super().__init__(spec, **others)
        if self.base is not None:
            raise ValueError(
                f"tuned_steps is {self.tuned_steps}, a student is taught at all denoising steps: "
                "make it null"
            )


class LifetimeDistillation(Distillation, LifetimeGradient):
    """A meta-learner that learns from a teacher, over its own lifetimes."""

    @override
    def taught_steps(
        self, batch: TensorDictBase, teacher: DiffusionPolicy
    ) -> tuple[TensorDictBase, Tensor]:
        """Each reads the lifetime with its own trunk."""
        assert isinstance(teacher, MetaLearner)
        there: Tensor = batch["there"]
        condition = self.remember(batch["seen"], batch["rest"], there)[there]
        with torch.no_grad():
            theirs = teacher.remember(batch["seen"], batch["rest"], there)[there]
        fields = {"condition": condition, "theirs": theirs}
        whole = TensorDict(fields, batch_size=condition.shape[:1])
        pairs = tuned_pairs(self.schedule, self.sampler, self.tuned_steps)
        steps = denoising_steps(whole, batch["chain"][there], batch["log_prob"][there], pairs)
        return steps, steps["theirs"]
