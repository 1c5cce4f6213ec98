"""What own experience teaches: the losses of DPPO and of the methods it is compared with.

Papers: DPPO (Ren et al. 2024, 2409.00588), PPO (2017, 1707.06347, eq. 7), REINFORCE (Williams
1992), reward-weighted regression (Peters & Schaal 2007).

Symbols:
    D           decisions of one iteration, each an action chunk
    K'          tuned denoising steps of a decision, the last ones of the chain
    i           one of them, 0 (noisiest) .. K' - 1
    A, G        advantage and return of a decision
    ratio       p(x_j | x_k) now / when it was drawn; the density of a step is the geometric mean
                over the numbers of the executed chunk, so that its length changes no scale

An objective says what each decision counts (:meth:`weigh`, once an iteration) and what is minimised
on a minibatch (:meth:`loss`). Two kinds are learnt from: *steps*, the K' drawn denoising steps of
every decision, and *chunks*, decisions to clone.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from tensordict import TensorDictBase
from torch import Tensor


@dataclass(frozen=True)
class Objective(ABC):
    """Base of the objectives.

    Attributes:
        gamma: discount per decision: below 1, quick successes are worth more than late ones.
        uses_critic: whether advantages are against a critic's value or returns are taken whole.
        anneals: whether the learning rate falls to 0 in each iteration and begins anew in the next.
        tells: whether a learner is told of its successes while lifetimes are collected.

    Raises:
        ValueError: if a number is out of range; so do those below.
    """

    gamma: float = 0.95
    uses_critic: ClassVar[bool] = False
    anneals: ClassVar[bool] = False
    tells: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.gamma <= 1:
            raise ValueError(f"the objective's gamma is {self.gamma}, it must be in [0, 1]")

    @abstractmethod
    def weigh(self, advantage: Tensor, returns: Tensor) -> Tensor:
        """What each decision counts, ``[D]``, from its advantage and its return to go."""


@dataclass(frozen=True)
class StepObjective(Objective):
    """Base of the objectives that learn from the denoising steps of each decision."""

    @abstractmethod
    def loss(self, log_ratio: Tensor, log_prob: Tensor, batch: TensorDictBase) -> Tensor:
        """The loss of denoising steps.

        Args:
            log_ratio: log of the ratio, ``[B]``.
            log_prob: of the step under the present policy, ``[B]``.
            batch: ``weight [B]``, ``progress [B]`` (i / (K' - 1)), ``steps_left [B]``.
        """


@dataclass(frozen=True)
class PPO(StepObjective):
    """DPPO: clipped ratios of denoising steps, advantages by GAE.

    Attributes:
        gae_lambda: of the generalised advantage estimate; 1 takes whole returns.
        clip: range of the last denoising step's ratio around 1.
        clip_first: that of the noisiest tuned step; in between it grows exponentially.
        denoising_discount: of the advantage per denoising step that is left.
    """

    uses_critic: ClassVar[bool] = True
    gae_lambda: float = 0.95
    clip: float = 0.01
    clip_first: float = 0.001
    denoising_discount: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.gae_lambda <= 1:
            raise ValueError(f"PPO's gae_lambda is {self.gae_lambda}, it must be in [0, 1]")
        if not 0 < self.clip_first <= self.clip < 1:
            raise ValueError(
                f"PPO's clip_first is {self.clip_first} and clip {self.clip}: "
                "0 < clip_first <= clip < 1"
            )
        if not 0 < self.denoising_discount <= 1:
            raise ValueError(
                f"PPO's denoising_discount is {self.denoising_discount}, it must be in (0, 1]"
            )

    def weigh(self, advantage: Tensor, returns: Tensor) -> Tensor:
        """Advantages with mean 0 and deviation 1."""
        return (advantage - advantage.mean()) / (advantage.std() + 1e-8)

    def loss(self, log_ratio: Tensor, log_prob: Tensor, batch: TensorDictBase) -> Tensor:
        """PPO eq. 7 with a range for each denoising step (DPPO, section 4.3)."""
        weight: Tensor = batch["weight"] * self.denoising_discount ** batch["steps_left"]
        growth = math.log(self.clip / self.clip_first)
        progress: Tensor = batch.get("progress")
        clip = self.clip_first * torch.exp(growth * progress)
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - clip, 1 + clip)
        return -torch.minimum(ratio * weight, clipped * weight).mean()


@dataclass(frozen=True)
class Reinforce(StepObjective):
    """The plain policy gradient: return times log-density. No critic, no baseline, no clip.

    At the first minibatch of an iteration its gradient is in proportion to that of the expected
    return; later ones of the same attempts are taken as if they were fresh, up to the KL stop.
    While every return is 0 it is exactly 0.
    """

    def weigh(self, advantage: Tensor, returns: Tensor) -> Tensor:
        """The return."""
        return returns

    def loss(self, log_ratio: Tensor, log_prob: Tensor, batch: TensorDictBase) -> Tensor:
        """Its gradient, on fresh attempts, is in proportion to that of the expected return."""
        return -(batch["weight"] * log_prob).mean()


@dataclass(frozen=True)
class FilteredCloning(Objective):
    """Behaviour cloning of the policy's own successes."""

    def weigh(self, advantage: Tensor, returns: Tensor) -> Tensor:
        """1 for every decision of a success."""
        return (returns > 0).to(returns.dtype)


@dataclass(frozen=True)
class Stitching(Objective):
    """Cloning of the best lifetimes that can be stitched from own episodes.

    See :mod:`lightning_modules.stitching`. It is for lifetimes that share their noise
    (``common_noise`` of :class:`~lightning_modules.lifetime_gradient.LifetimeGradient`), and while
    they are collected the learner is told of no success, so that it goes on trying.
    """

    anneals: ClassVar[bool] = True
    tells: ClassVar[bool] = False

    def weigh(self, advantage: Tensor, returns: Tensor) -> Tensor:
        """1: all that was stitched is cloned."""
        return torch.ones_like(returns)


@dataclass(frozen=True)
class RewardWeighted(Objective):
    """Reward-weighted regression: all chunks are cloned, in proportion to exp(G / beta).

    Decisions of failures keep a weight of exp(-1 / beta); those of successes count the more the
    nearer success is, by the discount.

    Attributes:
        beta: temperature; small values prefer the best.
    """

    beta: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.beta < math.inf:
            raise ValueError(f"beta is {self.beta}, it must be above 0 and finite")

    def weigh(self, advantage: Tensor, returns: Tensor) -> Tensor:
        """exp((G - 1) / beta): 1 for the decision that succeeds."""
        return ((returns - 1) / self.beta).exp()
