"""What all learn alike that learn from their own attempts: episodes, or lifetimes.

A callback collects attempts with :meth:`LearningFromAttempts.explorer`, and
:meth:`LearningFromAttempts.samples` turns them into what the minibatches of an iteration (an epoch)
consist of.

Symbols: B samples of a minibatch, D decisions.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from tensordict import TensorDict, TensorDictBase
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from typing_extensions import override

from lightning_modules.advantages import explained_variance
from lightning_modules.checkpoint import describe, resolve
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.networks.critic import Critic
from lightning_modules.objectives import Objective
from lightning_modules.ranks import of_every_decision
from robot.schema import OBSERVATION


class LearningFromAttempts(DiffusionPolicy):
    """Base of the learners from own attempts. A subclass calls :meth:`learn_by` when it is made."""

    shots: int | None = None
    """Episodes of an attempt that is a lifetime; None where attempts are episodes."""

    common_noise: int = 1
    """How many attempts, one after the other, share the noise of their exploration."""

    worlds: int = 1
    """How many of them, one after the other, look alike and differ in what is hidden."""

    objective: Objective
    critic: Critic | None

    def learn_by(
        self,
        objective: Objective,
        condition_dim: int,
        critic_learning_rate: float,
        critic_width: int,
        critic_warmup: int,
        target_kl: float,
        cloning_weight: float,
    ) -> None:
        """Takes the arguments that all have in common.

        Args:
            objective: what is learned from attempts.
            condition_dim: of what the critic reads.
            critic_learning_rate: of the critic.
            critic_width: of the hidden layers of the critic, where the objective uses one.
            critic_warmup: iterations in which the critic learns alone.
            target_kl: an iteration takes no more steps when the policy has moved this far from the
                one that collected, per number of a chunk.
            cloning_weight: of the loss of cloning demonstrations.

        Raises:
            ValueError: if one is out of range.
        """
        for name, value in (("cloning_weight", cloning_weight), ("critic_warmup", critic_warmup)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value}, it must not be negative, and finite")
        for name, value in (
            ("target_kl", target_kl),
            ("critic_learning_rate", critic_learning_rate),
            ("critic_width", critic_width),
        ):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}, it must be above 0 and finite")
        self.objective = objective
        self.critic_learning_rate = critic_learning_rate
        self.critic_width = critic_width
        self.critic_warmup = critic_warmup
        self.target_kl = target_kl
        self.cloning_weight = cloning_weight
        self._moved_enough = False  # in this iteration
        self.critic = Critic(condition_dim, critic_width) if objective.uses_critic else None

    @override
    def init_args(self) -> dict[str, Any]:
        return super().init_args() | {
            "objective": describe(self.objective, asdict(self.objective)),
            "critic_learning_rate": self.critic_learning_rate,
            "critic_width": self.critic_width,
            "critic_warmup": self.critic_warmup,
            "target_kl": self.target_kl,
            "cloning_weight": self.cloning_weight,
        }

    @classmethod
    @override
    def revive(cls, init_args: Mapping[str, Any]) -> dict[str, Any]:
        objective = init_args["objective"]
        cls_of_objective = resolve(objective["class_path"], Objective)
        made = cls_of_objective(**objective["init_args"])  # pyright: ignore[reportAbstractUsage]
        return {**super().revive(init_args), "objective": made}

    @abstractmethod
    def explorer(self, attempts: int) -> Any:
        """A policy that makes so many attempts side by side, and notes its ``decisions``."""

    @abstractmethod
    def actor(self, attempts: int) -> Any:
        """A policy that makes so many attempts side by side, and does not explore."""

    @abstractmethod
    def samples(self, decisions: TensorDictBase, attempts: TensorDictBase) -> TensorDict:
        """What the minibatches of an iteration are drawn from.

        Args:
            decisions: ``[D]``: what the explorers noted of all attempts.
            attempts: ``[N]``: what became of them.
        """

    def outcomes(self, attempts: TensorDictBase) -> TensorDictBase:
        """What a curriculum is to know of attempts ``[N]``: ``phi``, and ``success``."""
        return attempts

    @abstractmethod
    def attempts_loss(
        self, batch: TensorDictBase, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """The loss of a minibatch of samples, and that of the critic if there is one."""

    @abstractmethod
    def actor_parameters(self) -> Iterator[nn.Parameter]:
        """What the policy consists of, without the critic."""

    def weigh(self, advantage: Tensor, returns: Tensor, value: Tensor) -> Tensor:
        """What each decision counts, ``[D]``: weighed among those of all ranks, as if of one."""
        everyone, mine = of_every_decision(self, torch.stack([advantage, returns, value], dim=1))
        if self.critic is not None:
            foreseen = explained_variance(everyone[:, 2], everyone[:, 1])
            self.log("collection/explained_variance", foreseen, batch_size=1)
        return self.objective.weigh(everyone[:, 0], everyone[:, 1])[mine]

    @override
    def check_sources(self, sources: Mapping[str, Any]) -> None:
        expected = 2 if self.cloning_weight else 1
        if len(sources) != expected:
            raise ValueError(
                f"with cloning_weight {self.cloning_weight} {type(self).__name__} learns from "
                f"{expected} source(s), rollouts{' and demonstrations' * (expected - 1)}; "
                f"the task has {', '.join(sources) or 'none'}"
            )

    @override
    def setup(self, stage: str) -> None:
        super().setup(stage)
        callbacks: list[Any] = getattr(self.trainer, "callbacks", [])
        if stage == "fit" and not any(hasattr(c, "collected") for c in callbacks):
            raise ValueError(
                f"{type(self).__name__} learns from attempts and none are made: add "
                "callbacks.RolloutCollection"
            )

    @override
    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        self._moved_enough = False

    @override
    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: torch.optim.Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        # Steps are left out one by one: Lightning would not validate an epoch that is cut short.
        # training_step makes them cheap.
        if self._moved_enough:
            assert optimizer_closure is not None
            optimizer_closure()
            return
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)

    @override
    def training_step(
        self, batch: TensorDictBase | Mapping[str, TensorDictBase], batch_idx: int
    ) -> Tensor:
        batch, demonstrations = _parts(batch)
        if self._moved_enough:  # nothing comes of it, and every rank must come by
            batch = cast("TensorDictBase", batch[:1])
            if demonstrations is not None:
                demonstrations = cast("TensorDictBase", demonstrations[:1])
        assert self._seed is not None
        generator = self._generator(self._seed, self.global_step, batch_idx, self.global_rank)
        loss, value_loss = self.attempts_loss(batch, generator)
        if demonstrations is not None:
            cloning_loss = self._loss(demonstrations, generator)
            self.log("train/cloning_loss", cloning_loss, batch_size=len(demonstrations))
            loss = loss + self.cloning_weight * cloning_loss
        self.log("train/loss", loss, batch_size=len(batch))
        if value_loss is None:
            return loss
        self.log("train/value_loss", value_loss, batch_size=len(batch))
        return (0.0 if self.current_epoch < self.critic_warmup else 1.0) * loss + value_loss

    def critic_loss(self, condition: Tensor, decisions: Tensor, target: Tensor) -> Tensor | None:
        """How far the critic is from what decisions ``[D]`` brought; None without a critic."""
        if self.critic is None:
            return None
        return F.mse_loss(self.critic(condition, decisions), target)

    def note_kl(self, log_ratio: Tensor) -> None:
        """Schulman's estimate, http://joschu.net/blog/kl-approx.html: never negative."""
        kl = (log_ratio.exp() - 1 - log_ratio).mean().detach()
        kl = self.trainer.strategy.reduce(kl, reduce_op="mean")
        self._moved_enough |= float(kl) > self.target_kl
        self.log("train/kl", kl, prog_bar=True)

    @override
    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = [p.grad for p in self.actor_parameters() if p.grad is not None]
        self.log("train/grad_norm", torch.nn.utils.get_total_norm(gradients))

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        groups = [{"params": self.actor_parameters(), "lr": self.learning_rate}]
        if self.critic is not None:
            groups.append({"params": self.critic.parameters(), "lr": self.critic_learning_rate})
        optimizer = AdamW(groups, weight_decay=0.0)
        if not self.objective.anneals:
            return optimizer
        # Lightning knows the steps of an iteration once it has been asked for those of the run.
        assert self.trainer.estimated_stepping_batches
        steps = int(self.trainer.num_training_batches)
        scheduler = CosineAnnealingWarmRestarts(optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def _parts(
    batch: TensorDictBase | Mapping[str, TensorDictBase],
) -> tuple[TensorDictBase, TensorDictBase | None]:
    """Samples of attempts, and windows of demonstrations where a batch has both, by source."""
    if isinstance(batch, TensorDictBase):
        return batch, None
    first, second = batch.values()
    return (second, first) if OBSERVATION in first else (first, second)
