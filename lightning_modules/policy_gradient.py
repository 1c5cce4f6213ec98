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

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor, nn
from typing_extensions import override

from lightning_modules.advantages import advantages_and_returns, returns_to_go
from lightning_modules.beachhead import Beachhead
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
from lightning_modules.exploring_policy import ExploringPolicy
from lightning_modules.horizons import Horizons
from lightning_modules.learning_from_attempts import LearningFromAttempts
from lightning_modules.module_policy import ModulePolicy
from lightning_modules.networks import Denoiser, MLPDenoiser
from lightning_modules.objectives import PPO, Objective, StepObjective, Stitching
from lightning_modules.tuned_policy import TunedPolicy
from robot.schema import TaskSpec

DEFAULT_OBJECTIVE = PPO()
DEFAULT_EXPLORATION = Exploration()
DEFAULT_SAMPLER = Sampler(num_steps=10, temperature=0.3)


class PolicyGradient(LearningFromAttempts, TunedPolicy):
    """A diffusion policy that learns from its own attempts.

    It acts as every diffusion policy does; its attempts are episodes.

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
        if isinstance(objective, Stitching):
            raise ValueError("Stitching is for lifetimes, a policy without memory has none")
        if not isinstance(objective, StepObjective) and self.base is not None:
            raise ValueError(
                f"tuned_steps is {tuned_steps}, but {type(objective).__name__} clones whole chunks "
                "and changes every denoising step: make it null"
            )
        self.learn_by(
            objective,
            self.denoiser.condition_dim,
            critic_learning_rate,
            critic_width,
            critic_warmup,
            target_kl,
            cloning_weight,
        )
        if start is not None:
            start.load(self.denoiser, self.base, sampler, self.tuned_steps)

    @override
    def explorer(self, attempts: int) -> ExploringPolicy:
        return ExploringPolicy(self, attempts)

    @override
    def actor(self, attempts: int) -> ModulePolicy:
        return ModulePolicy(self)

    @override
    def actor_parameters(self) -> Iterator[nn.Parameter]:
        return self.denoiser.parameters()

    @torch.no_grad()
    @override
    def samples(self, decisions: TensorDictBase, attempts: TensorDictBase) -> TensorDict:
        """Denoising steps ``[D K']`` or, where the objective clones, chunks ``[D]``.

        Args:
            decisions: ``[D]``: ``condition``, ``chain`` and ``log_prob`` (of :meth:`explore`),
                ``attempt`` and ``index`` (which decision of which episode), of all episodes.
            attempts: ``[N]``: ``success``.
        """
        episode, index = decisions["attempt"], decisions["index"]
        condition = decisions["condition"]
        success = attempts["success"].to(self.device)
        value = torch.zeros_like(index, dtype=condition.dtype)
        if self.critic is not None:
            value = self.critic(condition, index)
        gamma = self.objective.gamma
        gae_lambda = self.objective.gae_lambda if isinstance(self.objective, PPO) else 1.0
        advantage, target = advantages_and_returns(
            episode, index, value, success, gamma, gae_lambda
        )
        returns = returns_to_go(episode, index, success, gamma)
        weight = self.weigh(advantage, returns, value)
        whole = TensorDict(
            {"condition": condition, "decision": index, "target": target, "weight": weight},
            batch_size=weight.shape,
        )
        if not isinstance(self.objective, StepObjective):
            whole["chunk"] = decisions["chain"][:, -1]
            return whole
        return denoising_steps(whole, decisions["chain"], decisions["log_prob"], self.tuned_pairs())

    @override
    def attempts_loss(
        self, batch: TensorDictBase, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
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
            self.note_kl(log_ratio)
        return loss, self.critic_loss(batch["condition"], batch["decision"], batch["target"])
