"""A policy that gets better from one attempt to the next, without changing a weight.

One token a decision: what was seen at it, what was executed since the decision before, whether the
episode before has succeeded, whether an episode begins, and the time in it. A causal trunk reads
the tokens of a lifetime; what it makes of them conditions the denoiser beside what is seen now. The
hidden task parameters are in neither.

Papers: Algorithm Distillation (Laskin et al. 2022, 2210.14215) clones attempts that improve,
Decision-Pretrained Transformer (Lee et al. 2023, 2306.14892) what an oracle would have done.

Symbols: B lifetimes, S decisions of each, D of all that there are, C dimensions of what is seen, W
width of the trunk, Ta and Tp action and prediction horizon, A dimensions of an action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor, nn
from typing_extensions import override

from lightning_modules.checkpoint import check_same_task, has_memory, read_checkpoint
from lightning_modules.diffusion import Sampler, Schedule
from lightning_modules.diffusion_policy import (
    DEFAULT_HORIZONS,
    DEFAULT_SCHEDULE,
    DiffusionPolicy,
)
from lightning_modules.horizons import Horizons
from lightning_modules.lifetime_batch import before, decided, executed, signals
from lightning_modules.networks import Denoiser, MLPDenoiser
from lightning_modules.networks.trunk import Memory, Trunk
from robot.schema import TaskSpec

DEFAULT_SAMPLER = Sampler(num_steps=10, temperature=0.3)
SIGNALS = 3  # success of the episode before, whether an episode begins, time in it


class MetaLearner(DiffusionPolicy):
    """A denoiser of action chunks that is conditioned on a lifetime.

    Args:
        spec: the task; the command line links it from the data module.
        skill: checkpoint of a policy whose denoiser this one starts as, memory ignored. Its
            network, horizons and schedule are taken over, whatever is given here.
        imitation: weight of the loss on what the lifetimes' explorer executed.
        oracle: weight of the loss on what an oracle would have done.
        width: of the trunk.
        num_layers: of the trunk.
        num_heads: of the trunk.
        context: most decisions of a lifetime.
        denoiser: as in DiffusionPolicy, where there is no skill.
        horizons: as in DiffusionPolicy, where there is no skill.
        schedule: as in DiffusionPolicy, where there is no skill.
        sampler: how chunks are sampled.
        learning_rate: peak of the AdamW learning rate.
        weight_decay: of AdamW.
        warmup_steps: optimiser steps of linear warm-up; a cosine to zero follows.

    Raises:
        ValueError: if an argument is out of range, or the skill is of another task.
        FileNotFoundError: if there is no such skill.
    """

    def __init__(
        self,
        spec: TaskSpec | Mapping[str, Any],
        skill: str | None = None,
        imitation: float = 1.0,
        oracle: float = 0.0,
        width: int = 128,
        num_layers: int = 3,
        num_heads: int = 4,
        context: int = 48,
        denoiser: Callable[[int, int, int], Denoiser] = MLPDenoiser,
        horizons: Horizons = DEFAULT_HORIZONS,
        schedule: Schedule = DEFAULT_SCHEDULE,
        sampler: Sampler = DEFAULT_SAMPLER,
        learning_rate: float = 5e-4,
        weight_decay: float = 1e-4,
        warmup_steps: int = 100,
    ) -> None:
        spec = spec if isinstance(spec, TaskSpec) else TaskSpec.from_dict(spec)
        if min(imitation, oracle) < 0 or not imitation + oracle > 0:
            raise ValueError(
                f"imitation is {imitation} and oracle {oracle}: neither may be negative, one must "
                "be above 0"
            )
        weights: dict[str, Tensor] = {}
        if skill is not None:
            checkpoint = read_checkpoint(skill)
            check_same_task(checkpoint, spec)
            if has_memory(checkpoint):
                raise ValueError(
                    f"the skill {skill} is a {checkpoint['policy']['class_path']}, which has a "
                    "memory of its own: give a policy without one"
                )
            own = DiffusionPolicy.revive(checkpoint["policy"]["init_args"])
            denoiser, horizons, schedule = own["denoiser"], own["horizons"], own["schedule"]
            weights = checkpoint["state_dict"]
        super().__init__(
            spec,
            lambda a, horizon, c: denoiser(a, horizon, c + width),
            horizons,
            schedule,
            sampler,
            0.0,
            learning_rate,
            weight_decay,
            warmup_steps,
        )
        self.imitation, self.oracle = imitation, oracle
        seen = self.denoiser.condition_dim - width
        chunk = horizons.action * spec.action_dim
        self.trunk = Trunk(seen + chunk + SIGNALS, width, num_layers, num_heads, context)
        self._trunk_args = {
            "width": width,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "context": context,
        }
        if weights:
            _start_as(self.denoiser, weights)

    @override
    def init_args(self) -> dict[str, Any]:
        args = super().init_args()
        del args["condition_dropout"]
        return args | self._trunk_args | {"imitation": self.imitation, "oracle": self.oracle}

    # Acting

    @override
    def encode(self, observations: TensorDictBase) -> Tensor:
        """What the denoiser is conditioned on without a memory, ``[B, C + W]``.

        Each decision is taken for the first of a lifetime.
        """
        seen = super().encode(observations)
        done = seen.new_zeros(len(seen), self.trunk.inlet.in_features - seen.shape[1])
        done[:, -2] = 1.0
        return self.remember(seen[:, None], done[:, None])[:, 0]

    def remember(
        self, seen: Tensor, rest: Tensor, there: Tensor | None = None, memory: Memory | None = None
    ) -> Tensor:
        """What the denoiser is conditioned on at decisions of lifetimes, ``[B, S, C + W]``.

        Args:
            seen: normalised observations ``[B, S, C]``.
            rest: the other parts of a token, ``[B, S, Ta A + 3]``.
            there: which decisions there are, bool ``[B, S]``; all, if None.
            memory: of the decisions before; they are added to it.
        """
        if there is None:
            there = torch.ones(seen.shape[:2], dtype=torch.bool, device=seen.device)
        out = self.trunk(torch.cat([seen, rest], dim=-1), there, memory)
        return torch.cat([seen, out], dim=-1)

    def see(self, observations: TensorDictBase) -> Tensor:
        """Normalised observations ``[B, C]``, as tokens have them."""
        return super().encode(observations)

    # Learning

    @override
    def setup(self, stage: str) -> None:
        super().setup(stage)
        sources: Mapping[str, Any] = getattr(self.trainer.datamodule, "sources", {})  # pyright: ignore[reportAttributeAccessIssue]
        for name, source in sources.items():
            shots, most = getattr(source, "shape", None) or (0, 0)
            if shots * most > self.trunk.context:
                raise ValueError(
                    f"the lifetimes of {name!r} take up to {shots * most} decisions ({shots} "
                    f"episodes of {most}), more than the context of {self.trunk.context}"
                )

    @override
    def check_sources(self, sources: Mapping[str, Any]) -> None:
        super().check_sources(sources)
        if strange := [name for name, source in sources.items() if not hasattr(source, "shape")]:
            raise ValueError(
                f"{type(self).__name__} learns from datamodules.Lifetimes, {strange[0]!r} serves "
                "something else"
            )

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["family"] = self._family()

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # The spec is that of the skill: all families on one arm share it.
        theirs, mine = checkpoint.get("family"), self._family()
        if None not in (theirs, mine) and theirs != mine:
            raise ValueError(f"the checkpoint has learnt to adapt on {theirs}, the task is {mine}")
        super().on_load_checkpoint(checkpoint)

    def _family(self) -> str | None:
        """The task that it adapts on, where a trainer knows."""
        task = getattr(self._trainer, "datamodule", None)
        return getattr(task, "task_name", None)

    @override
    def _loss(self, batch: TensorDictBase, generator: torch.Generator) -> Tensor:
        action_horizon, tp = self.horizons.action, self.horizons.prediction
        there = decided(batch, action_horizon)  # [B, H, L]
        seen = self.normalizer.observation(batch["observation"]).flatten(3)  # [B, H, L, C]
        origin: Tensor = batch["last_command"][..., None, :]
        done = self.normalizer.action(executed(batch, action_horizon, tp), origin)
        flat = there.flatten(1)
        condition = self.remember(
            seen.flatten(1, 2), self._rest(batch, there, done[..., :action_horizon, :]), flat
        )[flat]  # [D, C + W]
        # What it has done itself is no example to imitate.
        shown = (~batch["own"])[:, None].expand_as(flat)[flat].to(condition.dtype)  # [D]
        loss = condition.new_zeros(())
        for weight, chunk, counts in (
            (self.imitation, done, shown),
            (self.oracle, self.normalizer.action(batch["oracle"], origin), None),
        ):
            if weight:
                x_0 = chunk.flatten(1, 2)[flat]
                each = self.denoising_loss(x_0, condition, generator)
                loss = loss + weight * (each if counts is None else each * counts).mean()
        return loss

    def _rest(self, batch: TensorDictBase, there: Tensor, done: Tensor) -> Tensor:
        """What a token has beside the observation, ``[B, S, Ta A + 3]``."""
        chunk = before(done.flatten(3).flatten(1, 2), there.flatten(1))
        return torch.cat([chunk, signals(there, batch["success"])], dim=-1)


def _start_as(denoiser: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Gives a denoiser the weights of one that is conditioned on less: the rest counts nothing."""
    prefix = "denoiser."
    own = denoiser.state_dict()
    for name, value in own.items():
        theirs = weights[prefix + name]
        value.zero_()
        value[tuple(slice(size) for size in theirs.shape)] = theirs
    denoiser.load_state_dict(own)
