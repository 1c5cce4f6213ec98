"""A trained policy as a robot needs it: observations in, action chunk out."""

from __future__ import annotations

from pathlib import Path

import torch
from tensordict import TensorDictBase
from torch import Tensor

from lightning_modules.checkpoint import read_checkpoint, resolve
from lightning_modules.diffusion import Sampler
from lightning_modules.diffusion_policy import DiffusionPolicy, Generators
from robot.schema import TaskSpec


class CheckpointPolicy:
    """A learner that only acts: no gradients, evaluation mode, its own random numbers.

    Args:
        learner: the trained module; it is switched to evaluation mode.
    """

    def __init__(self, learner: DiffusionPolicy) -> None:
        self._learner = learner.eval().requires_grad_(False)
        self._generator = torch.Generator(learner.device)
        self._generator.seed()

    @property
    def spec(self) -> TaskSpec:
        """The task the policy was trained on."""
        return self._learner.spec

    @property
    def observation_horizon(self) -> int:
        """To: observations a decision needs."""
        return self._learner.horizons.observation

    @property
    def action_horizon(self) -> int:
        """Ta: actions to execute before the next decision."""
        return self._learner.horizons.action

    def seed(self, seed: int) -> None:
        """Makes the chunks drawn from now on reproducible."""
        self._generator.manual_seed(seed)

    @torch.inference_mode()
    def __call__(self, observations: TensorDictBase, generator: Generators | None = None) -> Tensor:
        """Decides what to do next.

        Args:
            observations: the last To observations, fields ``[B, To, ...]``, of any device.
            generator: one for the batch or one a sample, instead of the policy's own.

        Returns:
            ``[B, Ta, A]`` in real units, on the CPU.

        Raises:
            ValueError: if the observations do not fit the task, or are not all finite: no arm
                moves on those.
        """
        return self.plan(observations, generator)[:, : self.action_horizon]

    @torch.inference_mode()
    def plan(self, observations: TensorDictBase, generator: Generators | None = None) -> Tensor:
        """As a decision, but the whole chunk that was predicted, ``[B, Tp, A]``.

        Raises:
            ValueError: as a decision does.
        """
        _check(observations)
        generator = self._generator if generator is None else generator
        return self._learner.plan(observations.to(self._learner.device), generator).cpu()


def _check(observations: object) -> None:
    if not isinstance(observations, TensorDictBase):
        raise ValueError(
            f"a policy reads a TensorDict of fields [B, To, ...], got {type(observations).__name__}"
        )
    for name, value in observations.items():
        if value.ndim < 2:
            raise ValueError(
                f"observation field {name!r} has shape {tuple(value.shape)}; "
                "a policy reads fields [B, To, ...]"
            )
        if not value.isfinite().all():
            raise ValueError(f"observation field {name!r} is not finite")


def load_learner(path: str | Path) -> DiffusionPolicy:
    """The learner of a checkpoint as it acts: whole, but without gradients.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no policy's checkpoint.
    """
    checkpoint = read_checkpoint(path)
    learner = resolve(checkpoint["policy"]["class_path"], DiffusionPolicy).rebuild(checkpoint)
    return learner.eval().requires_grad_(False)


def load_policy(
    path: str | Path, device: str | torch.device = "cpu", sampler: Sampler | None = None
) -> CheckpointPolicy:
    """Rebuilds a policy from its checkpoint alone; with averaged weights where there are any.

    Args:
        path: a checkpoint written by ``train.py`` or a ``Trainer``.
        device: where the policy computes.
        sampler: how chunks are sampled, instead of how they were at training.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no policy's checkpoint, or the sampler does not fit it.
    """
    learner = load_learner(path)
    if sampler is not None:
        learner.sample_by(sampler)
    return CheckpointPolicy(learner.to(device))
