"""Policy gradient over lifetimes: what is found out early pays later.

AdA (2301.07608), RL^2 (Duan et al. 2016, 1611.02779): the return is counted over all the episodes
of a lifetime and the memory is kept from one to the next, so that trying something out is worth
what it tells. Otherwise as :mod:`lightning_modules.policy_gradient`, through the denoising chain;
all of its steps are tuned, and the trunk with them.

Symbols: N lifetimes of an iteration, B of a minibatch, H episodes of each, S most decisions of a
lifetime, D decisions of all of them, K denoising steps, C + W dimensions of the condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor, nn
from typing_extensions import override

from lightning_modules.advantages import lifetime_advantages
from lightning_modules.checkpoint import (
    TRUNK,
    check_same_task,
    check_weights,
    has_memory,
    read_checkpoint,
)
from lightning_modules.denoising_steps import denoising_steps
from lightning_modules.diffusion import (
    Exploration,
    Sampler,
    Schedule,
    step_log_prob,
    tuned_pairs,
)
from lightning_modules.diffusion_policy import DEFAULT_HORIZONS, DEFAULT_SCHEDULE
from lightning_modules.exploring_lifetimes import ExploringLifetimes
from lightning_modules.horizons import Horizons
from lightning_modules.learning_from_attempts import LearningFromAttempts
from lightning_modules.lifetime_policy import LifetimePolicy
from lightning_modules.meta_learner import DEFAULT_SAMPLER, MetaLearner
from lightning_modules.networks import Denoiser, MLPDenoiser
from lightning_modules.objectives import PPO, Objective, StepObjective, Stitching
from lightning_modules.stitching import episodes_of, search_order, stitched
from robot.schema import TaskSpec

DEFAULT_OBJECTIVE = PPO(gamma=0.9)
DEFAULT_EXPLORATION = Exploration(0.01)
PARTS = ("denoiser.", "trunk.")  # of a meta-learner's weights


class LifetimeGradient(LearningFromAttempts, MetaLearner):
    """A meta-learner that learns from its own lifetimes.

    Args:
        spec: the task; the command line links it from the data module.
        meta_learner: checkpoint of the meta-learner to start from. Its networks, horizons and
            schedule are taken over, whatever is given here. None starts from random weights.
        objective: what is learned from lifetimes; its discount is from one episode to the next.
        shots: H, episodes of a lifetime.
        common_noise: how many lifetimes share all the noise of their exploration, each at a task
            parameter of its own, so that luck is the same for all (common random numbers). Above 1
            for Stitching, which compares what the same noise does at all of them.
        worlds: how many of these look alike, and differ in what is hidden. They share their memory,
            too, which is that of one that has missed: what is done there does not depend on what
            has come of it elsewhere. Above 1 where an outcome is seen, and not only told.
        exploration: noise that is added to every denoising step while lifetimes are collected.
        width: as in MetaLearner, where there is none to start from, and so are the next three.
        num_layers: of the trunk.
        num_heads: of the trunk.
        context: most decisions of a lifetime.
        denoiser: as in DiffusionPolicy, where there is no meta-learner to start from.
        horizons: as in DiffusionPolicy, where there is no meta-learner to start from.
        schedule: as in DiffusionPolicy, where there is no meta-learner to start from.
        sampler: how chunks are sampled, also while exploring.
        learning_rate: of denoiser and trunk.
        critic_learning_rate: of the critic.
        critic_width: of the hidden layers of the critic, where the objective uses one.
        critic_warmup: iterations in which the critic learns alone.
        target_kl: as in PolicyGradient.
        cloning_weight: of the loss of cloning stored lifetimes, which hold the learner where it is.
            Above 0 if and only if the task has a source of lifetimes beside the rollouts.

    Raises:
        ValueError: if an argument is out of range, or the meta-learner is for another task.
        FileNotFoundError: if there is no such meta-learner.
    """

    def __init__(
        self,
        spec: TaskSpec | Mapping[str, Any],
        meta_learner: str | None = None,
        objective: Objective = DEFAULT_OBJECTIVE,
        shots: int = 6,
        common_noise: int = 1,
        worlds: int = 1,
        exploration: Exploration = DEFAULT_EXPLORATION,
        width: int = 128,
        num_layers: int = 3,
        num_heads: int = 4,
        context: int = 48,
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
        for name, value in (("shots", shots), ("common_noise", common_noise), ("worlds", worlds)):
            if value < 1:
                raise ValueError(f"{name} is {value}, it must be at least 1")
        if isinstance(objective, Stitching) and common_noise == 1:
            raise ValueError("Stitching compares lifetimes that share noise: common_noise is 1")
        if worlds > 1 and (objective.tells or common_noise % worlds):
            raise ValueError(
                f"{worlds} worlds share a memory: for Stitching, and where common_noise "
                f"({common_noise}) is a multiple of worlds"
            )
        if sampler.kind == "dpm_solver":
            raise ValueError(
                "dpm_solver's steps have no density to learn from; ddim's and ddpm's do"
            )
        trunk: dict[str, Any] = {
            "width": width,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "context": context,
        }
        weights: dict[str, Tensor] = {}
        if meta_learner is not None:
            start = read_checkpoint(meta_learner)
            check_same_task(start, spec)
            saved = start["policy"]["init_args"]
            if not has_memory(start):
                raise ValueError(
                    f"{meta_learner} holds no meta-learner but a {start['policy']['class_path']}"
                )
            own = MetaLearner.revive(saved)
            denoiser, horizons, schedule = own["denoiser"], own["horizons"], own["schedule"]
            trunk = {name: own[name] for name in TRUNK}
            weights = {n: w for n, w in start["state_dict"].items() if n.startswith(PARTS)}
        super().__init__(
            spec,
            denoiser=denoiser,
            horizons=horizons,
            schedule=schedule,
            sampler=sampler,
            learning_rate=learning_rate,
            weight_decay=0.0,
            warmup_steps=0,
            **trunk,
        )
        self.shots = shots
        self.common_noise, self.worlds = common_noise, worlds
        self.exploration = exploration
        self.tuned_steps = len(sampler.steps(schedule)) - 1
        if weights:
            mine = self.state_dict()
            check_weights(weights, {n: w for n, w in mine.items() if n.startswith(PARTS)})
            self.load_state_dict({**mine, **weights})
        self.learn_by(
            objective,
            self.denoiser.condition_dim,
            critic_learning_rate,
            critic_width,
            critic_warmup,
            target_kl,
            cloning_weight,
        )

    @override
    def init_args(self) -> dict[str, Any]:
        args = super().init_args()
        for name in ("imitation", "oracle", "weight_decay", "warmup_steps"):
            del args[name]
        return args | {
            "shots": self.shots,
            "common_noise": self.common_noise,
            "worlds": self.worlds,
            "exploration": asdict(self.exploration),
        }

    @classmethod
    @override
    def revive(cls, init_args: Mapping[str, Any]) -> dict[str, Any]:
        exploration = Exploration(**init_args["exploration"])
        return {**super().revive(init_args), "exploration": exploration}

    @override
    def explorer(self, attempts: int) -> ExploringLifetimes:
        return ExploringLifetimes(self, attempts)

    @override
    def actor(self, attempts: int) -> LifetimePolicy:
        return LifetimePolicy(self, attempts)

    @override
    def actor_parameters(self) -> Iterator[nn.Parameter]:
        return chain(self.denoiser.parameters(), self.trunk.parameters())

    @torch.no_grad()
    @override
    def samples(self, decisions: TensorDictBase, attempts: TensorDictBase) -> TensorDict:
        """Lifetimes ``[N]``, whose fields are those of their decisions ``[S]``.

        Or those that are stitched from them, one for each task parameter.

        Args:
            decisions: ``[D]``: what :class:`ExploringLifetimes` notes.
            attempts: ``[N]``: ``success [H]``.
        """
        success = attempts["success"].to(self.device)
        lifetimes = in_lifetimes(decisions, len(success), success.shape[1])
        if isinstance(self.objective, Stitching):
            episodes = self._by_draw(lifetimes.exclude("last", "shot", "rest"), success.shape[1])
            return stitched(episodes, self._by_draw(success))
        del lifetimes["done"]
        there = lifetimes["there"]
        place = self._place(there)
        value = torch.zeros(there.shape, device=self.device)
        if self.critic is not None:
            condition = self.remember(lifetimes["seen"], lifetimes["rest"], there)[there]
            value[there] = self.critic(condition, place[there])
        last = lifetimes.pop("last")
        reward = (last * success.gather(1, lifetimes.pop("shot"))).to(value.dtype)
        gamma = self.objective.gamma
        gae_lambda = self.objective.gae_lambda if isinstance(self.objective, PPO) else 1.0
        advantage, target = lifetime_advantages(there, last, reward, value, gamma, gae_lambda)
        returns, _ = lifetime_advantages(
            there, last, reward, torch.zeros_like(value), gamma, gae_lambda=1.0
        )
        weight = torch.zeros_like(value)
        weight[there] = self.weigh(advantage[there], returns[there], value[there])
        lifetimes["weight"], lifetimes["target"] = weight, target
        return lifetimes

    @override
    def outcomes(self, attempts: TensorDictBase) -> TensorDictBase:
        """Those of the stitched lifetimes, where the learner itself was told nothing."""
        if not isinstance(self.objective, Stitching):
            return attempts
        success = self._by_draw(attempts["success"])
        _, won = episodes_of(success, search_order(success))
        phi = attempts["phi"][: self.common_noise]
        return TensorDict({"phi": phi, "success": won}, batch_size=len(phi))

    def _by_draw(self, values: Any, shots: int | None = None) -> Any:
        """``[D, C, ...]`` of lifetimes ``[D C, ...]``; and decisions ``[S]`` as ``[H, L]``."""
        by_draw = values.unflatten(0, (-1, self.common_noise))
        return by_draw if shots is None else by_draw.auto_batch_size_(3).unflatten(2, (shots, -1))

    @override
    def attempts_loss(
        self, batch: TensorDictBase, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        there: Tensor = batch["there"]
        condition = self.remember(batch["seen"], batch["rest"], there)[there]  # [D, C + W]
        place = self._place(there)[there]
        # The critic reads what the learner remembers, and has no say in what that is.
        critic_loss = None
        if self.critic is not None:
            critic_loss = self.critic_loss(condition.detach(), place, batch["target"][there])
        if not isinstance(self.objective, StepObjective):
            each = self.denoising_loss(
                batch["chunk"][there], condition, generator, self.horizons.action
            )
            if "weight" in batch:
                each = batch["weight"][there] * each
            return each.mean(), critic_loss
        weight: Tensor = batch["weight"][there]
        whole = TensorDict({"condition": condition, "weight": weight}, batch_size=weight.shape)
        pairs = tuned_pairs(self.schedule, self.sampler, self.tuned_steps)
        steps = denoising_steps(whole, batch["chain"][there], batch["log_prob"][there], pairs)
        now = step_log_prob(
            self.denoiser(steps["x_k"], steps["k"], steps["condition"]),
            self.schedule,
            self.sampler,
            self.exploration.at(self.current_epoch),
            steps["x_k"],
            steps["x_j"],
            steps["k"],
            steps["j"],
            self.horizons.action,
        )
        log_ratio = now - steps["log_prob"]
        self.note_kl(log_ratio)
        return self.objective.loss(log_ratio, now, steps), critic_loss

    def _place(self, there: Tensor) -> Tensor:
        """How many decisions of its lifetime each has before it, ``[N, S]``."""
        return (there.cumsum(1) - 1).clamp(min=0)


def in_lifetimes(decisions: TensorDictBase, count: int, shots: int) -> TensorDict:
    """Decisions ``[D]`` in the lifetimes that they are of, ``[N, S]``.

    Beside their fields: ``there``, whether there is one, and ``last``, whether it is the last of
    its episode. An episode may end early.
    """
    attempt, shot, index = (decisions[name] for name in ("attempt", "shot", "index"))
    shape = count, shots, int(index.max()) + 1
    found: dict[str, Tensor] = {}
    for name, value in decisions.exclude("attempt", "shot", "index").items():
        found[name] = value.new_zeros(*shape, *value.shape[1:])
        found[name][attempt, shot, index] = value
    there = torch.zeros(shape, dtype=torch.bool, device=attempt.device)
    there[attempt, shot, index] = True
    after = torch.cat([there[..., 1:], torch.zeros_like(there[..., :1])], dim=-1)
    found["there"], found["last"] = there, there & ~after
    found["shot"] = torch.arange(shots, device=attempt.device)[:, None].expand(shape)
    in_order = {name: value.flatten(1, 2) for name, value in found.items()}
    return TensorDict(in_order, batch_size=[count])
