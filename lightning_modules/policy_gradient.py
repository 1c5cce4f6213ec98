"""Policy gradient through the denoising chain: learn from own attempts and a sparse reward.

Paper: DPPO (Ren et al. 2024, 2409.00588). The denoising chain of a decision is a Markov decision
process inside the environment's: its states are (observation, x_k, k), its actions the x_j drawn
next, and the reward of the decision arrives after the last step. The normal density of each step
gives a policy gradient; as in DPPO it is that of the part of a chunk that is executed, and its
scale is that of the mean over the chunk's numbers.

Symbols:
    N, K'       denoising steps of the sampler; the last K' of them are tuned
    B           decisions of a batch, or denoising steps of a minibatch
    C           dimensions of the condition (what was observed)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.optim import AdamW
from typing_extensions import override

from lightning_modules.advantages import (
    advantages_and_returns,
    explained_variance,
    returns_to_go,
)
from lightning_modules.beachhead import Beachhead
from lightning_modules.checkpoint import describe, resolve
from lightning_modules.denoising_steps import denoising_steps
from lightning_modules.diffusion import (
    Exploration,
    Sampler,
    Schedule,
)
from lightning_modules.diffusion_policy import (
    DEFAULT_HORIZONS,
    DEFAULT_SCHEDULE,
    DiffusionPolicy,
)
from lightning_modules.horizons import Horizons
from lightning_modules.networks import Denoiser, MLPDenoiser
from lightning_modules.networks.critic import Critic
from lightning_modules.objectives import PPO, Objective, StepObjective
from lightning_modules.ranks import of_every_decision
from lightning_modules.tuned_policy import TunedPolicy
from robot.schema import OBSERVATION, TaskSpec

DEFAULT_OBJECTIVE = PPO()
DEFAULT_EXPLORATION = Exploration()
DEFAULT_SAMPLER = Sampler(num_steps=10, temperature=0.3)


class PolicyGradient(TunedPolicy):
    """A diffusion policy that learns from its own attempts.

    It acts as every diffusion policy does. A callback collects attempts with :meth:`explore`, and
    :meth:`samples` turns them into what the minibatches of an iteration (an epoch) consist of.

    Args:
        spec: the task; the command line links it from the data module.
        beachhead: checkpoint of a policy to start from. Its network, horizons and schedule are
            taken over, whatever is given here. It may itself be tuned by a policy gradient, with
            the same sampler and as many tuned steps. None starts from random weights.
        objective: what is learned from attempts.
        tuned_steps: K', how many of the last denoising steps are tuned; the others keep the
            beachhead's weights. All of them, if None.
        exploration: noise that is added to every denoising step while attempts are collected.
        denoiser: as in DiffusionPolicy, where there is no beachhead.
        horizons: as in DiffusionPolicy, where there is no beachhead.
        schedule: as in DiffusionPolicy, where there is no beachhead.
        sampler: how chunks are sampled, also while exploring.
        learning_rate: of the denoiser.
        critic_learning_rate: of the critic.
        critic_width: of the hidden layers of the critic, where the objective uses one.
        critic_warmup: iterations in which the critic learns alone.
        target_kl: an iteration takes no more steps when the policy has moved this far from the one
            that collected, per number of a chunk.
        cloning_weight: of the loss of cloning demonstrations, which hold the policy where they are
            while attempts move it. Above 0 if and only if the task has a source of demonstrations
            beside the rollouts.

    Raises:
        ValueError: if an argument is out of range, or the beachhead is for another task, or was
            tuned for another sampler.
        FileNotFoundError: if there is no such beachhead.
    """

    def __init__(
        self,
        spec: TaskSpec | Mapping[str, Any],
        beachhead: str | None = None,
        objective: Objective = DEFAULT_OBJECTIVE,
        tuned_steps: int | None = 3,
        exploration: Exploration = DEFAULT_EXPLORATION,
        denoiser: Callable[[int, int, int], Denoiser] = MLPDenoiser,
        horizons: Horizons = DEFAULT_HORIZONS,
        schedule: Schedule = DEFAULT_SCHEDULE,
        sampler: Sampler = DEFAULT_SAMPLER,
        learning_rate: float = 1e-4,
        critic_learning_rate: float = 1e-3,
        critic_width: int = 256,
        critic_warmup: int = 2,
        target_kl: float = 0.05,
        cloning_weight: float = 0.0,
    ) -> None:
        spec = spec if isinstance(spec, TaskSpec) else TaskSpec.from_dict(spec)
        start = Beachhead.read(beachhead, spec) if beachhead is not None else None
        if start is not None:
            own = DiffusionPolicy.revive(start.init_args)
            denoiser, horizons, schedule = own["denoiser"], own["horizons"], own["schedule"]
        super().__init__(
            spec, tuned_steps, exploration, denoiser, horizons, schedule, sampler, learning_rate
        )
        if not isinstance(objective, StepObjective) and self.base is not None:
            raise ValueError(
                f"tuned_steps is {tuned_steps}, but {type(objective).__name__} clones whole chunks "
                "and changes every denoising step: make it null"
            )
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
        self.critic: Critic | None = None
        if objective.uses_critic:
            self.critic = Critic(self.denoiser.condition_dim, critic_width)
        if start is not None:
            start.load(self.denoiser, self.base, sampler, self.tuned_steps)

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

    @torch.no_grad()
    def samples(self, decisions: TensorDictBase, episodes: TensorDictBase) -> TensorDict:
        """What the minibatches of an iteration are drawn from.

        Args:
            decisions: ``[D]``: ``condition``, ``chain`` and ``log_prob`` (of :meth:`explore`),
                ``episode`` and ``index`` (which decision of which episode), of all episodes.
            episodes: ``[N]``: ``success``.

        Returns:
            Denoising steps ``[D K']`` or, where the objective clones, chunks ``[D]``.
        """
        episode, index = decisions["episode"], decisions["index"]
        condition = decisions["condition"]
        success = episodes["success"].to(self.device)
        value = torch.zeros_like(index, dtype=condition.dtype)
        if self.critic is not None:
            value = self.critic(condition, index)
        gamma = self.objective.gamma
        gae_lambda = self.objective.gae_lambda if isinstance(self.objective, PPO) else 1.0
        advantage, target = advantages_and_returns(
            episode, index, value, success, gamma, gae_lambda
        )
        returns = returns_to_go(episode, index, success, gamma)
        # Weighed among the decisions of all ranks, as if one had collected them.
        everyone, mine = of_every_decision(self, torch.stack([advantage, returns, value], dim=1))
        if self.critic is not None:
            foreseen = explained_variance(everyone[:, 2], everyone[:, 1])
            self.log("collection/explained_variance", foreseen, batch_size=1)
        weight = self.objective.weigh(everyone[:, 0], everyone[:, 1])[mine]
        whole = TensorDict(
            {"condition": condition, "decision": index, "target": target, "weight": weight},
            batch_size=weight.shape,
        )
        if not isinstance(self.objective, StepObjective):
            whole["chunk"] = decisions["chain"][:, -1]
            return whole
        return denoising_steps(whole, decisions["chain"], decisions["log_prob"], self.tuned_pairs())

    @override
    def check_sources(self, sources: Sequence[str]) -> None:
        expected = 2 if self.cloning_weight else 1
        if len(sources) != expected:
            raise ValueError(
                f"with cloning_weight {self.cloning_weight} PolicyGradient learns from {expected} "
                f"source(s), rollouts{' and demonstrations' * (expected - 1)}; "
                f"the task has {', '.join(sources) or 'none'}"
            )

    @override
    def setup(self, stage: str) -> None:
        super().setup(stage)
        callbacks: list[Any] = getattr(self.trainer, "callbacks", [])
        if stage == "fit" and not any(hasattr(c, "collected") for c in callbacks):
            raise ValueError(
                "PolicyGradient learns from attempts and none are made: add "
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
        if not isinstance(self.objective, StepObjective):
            # What was not executed earned nothing.
            each = self.denoising_loss(
                batch["chunk"], batch["condition"], generator, self.horizons.action
            )
            loss = (batch["weight"] * each).mean()
        else:
            now = self.log_prob(batch)
            log_ratio = now - batch["log_prob"]
            loss = self.objective.loss(log_ratio, now, batch)
            self._note_kl(log_ratio)
        if demonstrations is not None:
            cloning_loss = self._loss(demonstrations, generator)
            self.log("train/cloning_loss", cloning_loss, batch_size=len(demonstrations))
            loss = loss + self.cloning_weight * cloning_loss
        self.log("train/loss", loss, batch_size=len(batch))
        if self.critic is None:
            return loss
        values = self.critic(batch["condition"], batch["decision"])
        value_loss = F.mse_loss(values, batch["target"])
        self.log("train/value_loss", value_loss, batch_size=len(batch))
        return (0.0 if self.current_epoch < self.critic_warmup else 1.0) * loss + value_loss

    def _note_kl(self, log_ratio: Tensor) -> None:
        """Schulman's estimate, http://joschu.net/blog/kl-approx.html: never negative."""
        kl = (log_ratio.exp() - 1 - log_ratio).mean().detach()
        kl = self.trainer.strategy.reduce(kl, reduce_op="mean")
        self._moved_enough |= float(kl) > self.target_kl
        self.log("train/kl", kl, prog_bar=True)

    @override
    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = [p.grad for p in self.denoiser.parameters() if p.grad is not None]
        self.log("train/grad_norm", torch.nn.utils.get_total_norm(gradients))

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        groups = [{"params": self.denoiser.parameters(), "lr": self.learning_rate}]
        if self.critic is not None:
            groups.append({"params": self.critic.parameters(), "lr": self.critic_learning_rate})
        return AdamW(groups, weight_decay=0.0)


def _parts(
    batch: TensorDictBase | Mapping[str, TensorDictBase],
) -> tuple[TensorDictBase, TensorDictBase | None]:
    """Samples of attempts, and windows of demonstrations where a batch has both, by source."""
    if isinstance(batch, TensorDictBase):
        return batch, None
    first, second = batch.values()
    return (second, first) if OBSERVATION in first else (first, second)
