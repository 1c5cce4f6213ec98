"""Diffusion Policy: clone demonstrations by denoising action chunks.

Paper: Chi et al. 2023 (2303.04137), eq. 4-5; the loss is DDPM's (2006.11239, eq. 14).

Symbols:
    To, Tp, Ta  observation, prediction and action horizon, environment steps
    K, k        denoising steps, one of them (K is noise, 0 is clean)
    Do, A       dimensions of a flat observation, of an action
    C           dimensions of the condition, To * Do

    loss = E_{k, epsilon} || target(x_0, epsilon, k) - denoiser(x_k, k, condition) ||^2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from tensordict import TensorDictBase
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.optim import Optimizer
from typing_extensions import override

from lightning_modules.checkpoint import describe
from lightning_modules.checkpointed_policy import CheckpointedPolicy
from lightning_modules.diffusion import Sampler, Schedule, draw_noise, filled, sample_chain
from lightning_modules.horizons import Horizons
from lightning_modules.learning_rate import warmup_cosine
from lightning_modules.networks import Denoiser, MLPDenoiser
from lightning_modules.normalizer import Normalizer
from robot.schema import ACTION, OBSERVATION, TaskSpec
from robot.seeds import training_seed

DEFAULT_HORIZONS = Horizons()
DEFAULT_SCHEDULE = Schedule()
DEFAULT_SAMPLER = Sampler()

Generators = torch.Generator | Sequence[torch.Generator]


class DiffusionPolicy(CheckpointedPolicy):
    """A conditional denoiser of action chunks, trained on windows of demonstrations.

    Args:
        spec: the task; the command line links it from the data module.
        denoiser: makes the network from ``action_dim, horizon, condition_dim``.
        horizons: To, Tp, Ta.
        schedule: noise schedule and what the denoiser predicts.
        sampler: how chunks are sampled, and how well.
        condition_dropout: share of training samples whose condition is hidden (all zeros, which
            no normalised observation is), so that guidance can be applied later.
        learning_rate: peak of the AdamW learning rate.
        weight_decay: of AdamW.
        warmup_steps: optimiser steps of linear warm-up; a cosine to zero follows.

    Raises:
        ValueError: if an argument is out of range or the sampler does not fit the schedule.
    """

    def __init__(
        self,
        spec: TaskSpec | Mapping[str, Any],
        denoiser: Callable[[int, int, int], Denoiser] = MLPDenoiser,
        horizons: Horizons = DEFAULT_HORIZONS,
        schedule: Schedule = DEFAULT_SCHEDULE,
        sampler: Sampler = DEFAULT_SAMPLER,
        condition_dropout: float = 0.0,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-6,
        warmup_steps: int = 100,
    ) -> None:
        super().__init__(spec)
        if not 0 <= condition_dropout < 1:
            raise ValueError(f"condition_dropout is {condition_dropout}, it must be in [0, 1)")
        if not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate is {learning_rate}, it must be above 0 and finite")
        if not 0 <= weight_decay < math.inf:
            raise ValueError(f"weight_decay is {weight_decay}, it must not be negative, and finite")
        if warmup_steps < 0:
            raise ValueError(f"warmup_steps is {warmup_steps}, it must not be negative")
        self.horizons = horizons
        self.schedule = schedule
        self.condition_dropout = condition_dropout
        self.sample_by(sampler)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.normalizer = Normalizer(self.spec)
        condition_dim = horizons.observation * self.spec.observation_dim
        self.denoiser = denoiser(self.spec.action_dim, horizons.prediction, condition_dim)

    @override
    def init_args(self) -> dict[str, Any]:
        return {
            "denoiser": describe(self.denoiser, self.denoiser.own_args),
            "horizons": asdict(self.horizons),
            "schedule": asdict(self.schedule),
            "sampler": asdict(self.sampler),
            "condition_dropout": self.condition_dropout,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "warmup_steps": self.warmup_steps,
        }

    # Acting

    def forward(self, observations: TensorDictBase, generator: Generators | None = None) -> Tensor:
        """The actions to execute before replanning.

        Args:
            observations: the last To observations, fields ``[B, To, ...]``.
            generator: one for the batch or one a sample, for reproducible chunks.

        Returns:
            ``[B, Ta, A]`` in real units.
        """
        return self.plan(observations, generator)[:, : self.horizons.action]

    def plan(self, observations: TensorDictBase, generator: Generators | None = None) -> Tensor:
        """As :meth:`forward`, the whole chunk ``[B, Tp, A]``."""
        return self.predict_chain(observations, generator)[-1]

    def predict_chain(
        self,
        observations: TensorDictBase,
        generator: Generators | None = None,
        noise: Tensor | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Denoises whole chunks and keeps every step, for pictures.

        Args:
            observations: the last To observations, fields ``[B, To, ...]``.
            generator: one for the batch or one a sample.
            noise: all the noise to use instead, ``[N, B, Tp, A]`` (see ``draw_noise``).
            condition: of the denoiser, ``[B, C]``, instead of what the observations make.

        Returns:
            The chain from noise to clean chunk in real units, ``[N + 1, B, Tp, A]``.
        """
        condition = self.encode(observations) if condition is None else condition
        if noise is None:
            shape = (condition.shape[0], self.horizons.prediction, self.spec.action_dim)
            noise = draw_noise(self.sampler, self.schedule, shape, generator, condition.device)
        chain = sample_chain(
            lambda x, k: self.denoise(x, k, condition), self.schedule, self.sampler, noise
        )
        return self.normalizer.real_action(chain, self.normalizer.origin(observations))

    def denoise(self, x: Tensor, k: int, condition: Tensor) -> Tensor:
        """The guided denoiser's output ``[B, Tp, A]`` at denoising step k of sampling."""
        network, guidance = self.network(k), self.sampler.guidance
        if guidance == 1:
            return network(x, filled(k, x), condition)
        x, hidden = x.repeat(2, 1, 1), torch.zeros_like(condition)
        output, without = network(x, filled(k, x), torch.cat([condition, hidden])).chunk(2)
        return without + guidance * (output - without)

    def network(self, k: int) -> Denoiser:
        """The network that takes denoising step k."""
        return self.denoiser

    @property
    def noisiest(self) -> int:
        """The largest denoising step that the denoiser is trained for."""
        return self.schedule.num_denoising_steps

    def sample_by(self, sampler: Sampler) -> None:
        """Samples chunks in another way from now on.

        Raises:
            ValueError: if it does not fit the schedule, or guides a policy that was never trained
                without a condition.
        """
        sampler.steps(self.schedule)
        if sampler.guidance != 1 and not self.condition_dropout:
            raise ValueError(
                f"guidance is {sampler.guidance}, but the policy was trained with "
                "condition_dropout 0 and cannot act without a condition"
            )
        self.sampler = sampler

    def encode(self, observations: TensorDictBase) -> Tensor:
        """What the denoiser is conditioned on, ``[B, To * Do]``.

        Raises:
            ValueError: if the observations do not cover To steps or lack a field.
        """
        if observations.batch_dims != 2:
            observations = observations.copy().auto_batch_size_(batch_dims=2)
        if observations.shape[1] != self.horizons.observation:
            raise ValueError(
                f"got {observations.shape[1]} observations a decision, "
                f"the policy's observation horizon is {self.horizons.observation}"
            )
        return self.normalizer.observation(self.spec.flatten(observations)).flatten(1)

    # Learning

    @override
    def setup(self, stage: str) -> None:
        self.save_hyperparameters(self.init_args())
        if stage == "fit":
            task = getattr(self.trainer, "datamodule", None)
            self.check_sources(getattr(task, "sources", {}))

    def check_sources(self, sources: Mapping[str, Any]) -> None:
        """Refuses a task with other sources than it learns from: before any of them is recorded.

        Raises:
            ValueError: one sentence that names them.
        """
        if len(sources) > 1:
            raise ValueError(
                f"{type(self).__name__} learns from one source, the task has {', '.join(sources)}"
            )
        if collected := [name for name, source in sources.items() if source.collected]:
            raise ValueError(
                f"{type(self).__name__} learns from what is there before, {collected[0]!r} is "
                "filled while a policy acts"
            )

    @override
    def on_fit_start(self) -> None:
        if self._seed is None:  # else a checkpoint said which
            self._seed = torch.initial_seed() % 2**31

    @override
    def training_step(self, batch: TensorDictBase, batch_idx: int) -> Tensor:
        # The noise is a function of seed and step, not of a stream of random numbers: a run that
        # was killed and resumed draws the same as one that was not, whatever callbacks draw.
        assert self._seed is not None
        generator = self._generator(self._seed, self.global_step, batch_idx, self.global_rank)
        loss = self._loss(batch, generator)
        self.log("train/loss", loss, prog_bar=True, batch_size=batch.shape[0])
        return loss

    @override
    def validation_step(self, batch: TensorDictBase, batch_idx: int) -> None:
        self._log_seeded_loss("validation/loss", batch, batch_idx)

    @override
    def test_step(self, batch: TensorDictBase, batch_idx: int) -> None:
        self._log_seeded_loss("test/loss", batch, batch_idx)

    def predict_step(self, batch: TensorDictBase, batch_idx: int) -> Tensor:
        """Whole chunks ``[B, Tp, A]`` in real units, reproducible; none of an empty batch."""
        if batch.is_empty():  # where a callback does all there is to do
            return torch.empty(0, self.horizons.prediction, self.spec.action_dim)
        generator = self._generator(0, batch_idx)
        return self.predict_chain(batch.get(OBSERVATION), generator)[-1]

    @override
    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        self.log("train/grad_norm", torch.nn.utils.get_total_norm(gradients))

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        # Fused AdamW saves a fifth of a small network's step on a CPU. Elsewhere torch chooses:
        # float16 with gradient clipping refuses the fused one.
        optimizer = torch.optim.AdamW(
            self.parameters(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            fused=self.device.type == "cpu" or None,
        )
        total_steps = self.trainer.estimated_stepping_batches
        scheduler = warmup_cosine(optimizer, self.warmup_steps, total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _loss(self, batch: TensorDictBase, generator: torch.Generator) -> Tensor:
        observations = batch.get(OBSERVATION)
        condition = self.encode(observations)  # [B, C]
        origin = self.normalizer.origin(observations)
        x_0 = self.normalizer.action(batch.get(ACTION), origin)  # [B, Tp, A]
        size, device = x_0.shape[0], x_0.device
        expected = (self.horizons.prediction, self.spec.action_dim)
        if x_0.shape[1:] != expected:
            raise ValueError(
                f"the batch holds action chunks of shape {tuple(x_0.shape[1:])}, "
                f"the policy predicts {expected}"
            )
        if self.condition_dropout:
            kept = torch.rand(size, 1, generator=generator, device=device) >= self.condition_dropout
            condition = condition * kept
        return self.denoising_loss(x_0, condition, generator).mean()

    def denoising_loss(
        self,
        x_0: Tensor,
        condition: Tensor,
        generator: torch.Generator,
        horizon: int | None = None,
    ) -> Tensor:
        """How far the denoiser is from its target at a random step of each chunk, ``[B]``.

        Args:
            x_0: normalised chunks ``[B, Tp, A]``.
            condition: what was seen, ``[B, C]``.
            generator: of the step and the noise of each chunk.
            horizon: how many steps of a chunk count; all if None.
        """
        size, device = x_0.shape[0], x_0.device
        k = torch.randint(1, self.noisiest + 1, (size,), generator=generator, device=device)
        epsilon = torch.randn(x_0.shape, generator=generator, device=device)
        output = self.denoiser(self.schedule.add_noise(x_0, epsilon, k), k, condition)
        target = self.schedule.target(x_0, epsilon, k)
        error = F.mse_loss(output.float(), target, reduction="none")
        return error[:, :horizon].mean((1, 2))

    def _log_seeded_loss(self, name: str, batch: TensorDictBase, batch_idx: int) -> None:
        if batch.is_empty():  # where rollouts are all there is to evaluate
            return
        loss = self._loss(batch, self._generator(0, batch_idx, self.global_rank))
        self.log(name, loss, prog_bar=True, sync_dist=True, batch_size=batch.shape[0])

    def _generator(self, *key: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(training_seed(*key))
