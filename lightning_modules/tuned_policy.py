"""A diffusion policy of which the last denoising steps are tuned and the others stay as they were.

Paper: DPPO (Ren et al. 2024, 2409.00588), sections 4.1 and 4.3: each denoising step has a normal
density, with which one drawn while exploring can be rated again after the policy has changed.

Symbols:
    N, K'       denoising steps of the sampler; the last K' of them are tuned
    B           decisions of a batch, or denoising steps of a minibatch
    C           dimensions of the condition (what was observed)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.diffusion import (
    Exploration,
    Sampler,
    Schedule,
    draw_noise,
    explored,
    step_log_prob,
    tuned_pairs,
)
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.horizons import Horizons
from lightning_modules.networks import Denoiser
from robot.schema import TaskSpec


class TunedPolicy(DiffusionPolicy):
    """Acts as every diffusion policy does; explores, and rates denoising steps that were drawn.

    Args:
        spec: the task.
        tuned_steps: K', how many of the last denoising steps are tuned; the others keep the weights
            it starts with, in ``base``. All of them, if None: then there is no ``base``.
        exploration: noise that is added to every denoising step by :meth:`explore`.
        denoiser: as in DiffusionPolicy, and so are the others.
        horizons: To, Tp, Ta.
        schedule: of the noise.
        sampler: how chunks are sampled, also while exploring.
        learning_rate: of the denoiser.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        spec: TaskSpec,
        tuned_steps: int | None,
        exploration: Exploration,
        denoiser: Callable[[int, int, int], Denoiser],
        horizons: Horizons,
        schedule: Schedule,
        sampler: Sampler,
        learning_rate: float,
    ) -> None:
        super().__init__(
            spec, denoiser, horizons, schedule, sampler, 0.0, learning_rate, 0.0, warmup_steps=0
        )
        steps = sampler.steps(schedule)
        tuned_steps = len(steps) - 1 if tuned_steps is None else tuned_steps
        if not 1 <= tuned_steps < len(steps):
            raise ValueError(
                f"tuned_steps is {tuned_steps}, the sampler takes {len(steps) - 1} denoising "
                f"steps: give 1 to {len(steps) - 1}, or null for all"
            )
        if sampler.kind == "dpm_solver":
            raise ValueError(
                "dpm_solver's steps have no density to learn from; ddim's and ddpm's do"
            )
        self.tuned_steps = tuned_steps
        self._first_tuned = steps[-tuned_steps - 1]  # whatever sampler it acts with later
        self.exploration = exploration
        self.base: Denoiser | None = None
        if tuned_steps < len(steps) - 1:
            self.base = deepcopy(self.denoiser).requires_grad_(False)

    @override
    def init_args(self) -> dict[str, Any]:
        args = super().init_args()
        for name in ("condition_dropout", "weight_decay", "warmup_steps"):
            del args[name]
        return args | {
            "tuned_steps": self.tuned_steps,
            "exploration": asdict(self.exploration),
        }

    @classmethod
    @override
    def revive(cls, init_args: Mapping[str, Any]) -> dict[str, Any]:
        exploration = Exploration(**init_args["exploration"])
        return {**super().revive(init_args), "exploration": exploration}

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_same_steps(checkpoint)
        super().on_load_checkpoint(checkpoint)

    def _check_same_steps(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuses a checkpoint whose networks take other denoising steps."""
        saved: dict[str, Any] = checkpoint.get("policy", {}).get("init_args", {})
        if "tuned_steps" not in saved:
            if saved and self.base is not None:
                raise ValueError("the checkpoint's policy was never tuned: give it as beachhead")
            return
        steps, theirs = self.sampler.steps(self.schedule), Sampler(**saved["sampler"])
        if self.base is None and saved["tuned_steps"] == len(theirs.steps(self.schedule)) - 1:
            return  # one network for all steps, however many are taken
        if (theirs.steps(self.schedule), saved["tuned_steps"]) != (steps, self.tuned_steps):
            raise ValueError(
                f"the checkpoint's policy is tuned in the last {saved['tuned_steps']} of the "
                f"denoising steps {', '.join(map(str, theirs.steps(self.schedule)))}; the current "
                f"one in the last {self.tuned_steps} of {', '.join(map(str, steps))}"
            )

    @override
    def network(self, k: int) -> Denoiser:
        return self.base if self.base is not None and k > self._first_tuned else self.denoiser

    @property
    @override
    def noisiest(self) -> int:
        return super().noisiest if self.base is None else self._first_tuned

    def explore(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> TensorDict:
        """Decides with exploration noise and keeps what a policy gradient needs.

        Args:
            observations: the last To observations, fields ``[B, To, ...]``.
            generator: of the noise.

        Returns:
            TensorDict ``[B]``: ``condition [C]``, ``chain [K' + 1, Tp, A]`` (the tuned denoising
            steps), ``log_prob [K']`` of them and ``chunk [Ta, A]`` in real units.
        """
        condition = self.encode(observations)
        shape = (condition.shape[0], self.horizons.prediction, self.spec.action_dim)
        noise = draw_noise(
            self.sampler, self.schedule, shape, generator, condition.device, exploring=True
        )
        chain, densities = explored(
            lambda x, k: self.denoise(x, k, condition),
            self.schedule,
            self.sampler,
            self.exploration.at(self.current_epoch),
            noise,
            self.tuned_steps,
            self.horizons.action,
        )
        chunk = self.normalizer.real_action(chain[:, -1], self.normalizer.origin(observations))
        return TensorDict(
            {
                "condition": condition,
                "chain": chain,
                "log_prob": densities,
                "chunk": chunk[:, : self.horizons.action],
            },
            batch_size=condition.shape[:1],
        )

    def tuned_pairs(self) -> Sequence[tuple[int, int]]:
        """From which denoising step to which each tuned one goes, noisiest first."""
        return tuned_pairs(self.schedule, self.sampler, self.tuned_steps)

    def log_prob(self, steps: TensorDictBase) -> Tensor:
        """Mean log-density of each denoising step over the executed chunk, ``[B]``."""
        x_k, k = steps["x_k"], steps["k"]
        return step_log_prob(
            self.denoiser(x_k, k, steps["condition"]),
            self.schedule,
            self.sampler,
            self.exploration.at(self.current_epoch),
            x_k,
            steps["x_j"],
            k,
            steps["j"],
            self.horizons.action,
        )
