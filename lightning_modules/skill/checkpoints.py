"""Worse attempts from earlier checkpoints: a policy as it was while it learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.policy import load_policy
from lightning_modules.skill.knob import Knob
from robot.policy import Policy


@dataclass(frozen=True)
class EarlierCheckpoint(Knob):
    """Control: so many checkpoints before the last.

    Those of cloning give early clones; those of a policy gradient its learning history, on which
    Algorithm Distillation (Laskin et al. 2022, 2210.14215) trains.

    Attributes:
        paths: of checkpoints of one run, in the order of training.

    Raises:
        ValueError: if there are none.
    """

    name: ClassVar[str] = "earlier_checkpoint"
    structured: ClassVar[bool] = False
    whole: ClassVar[bool] = True
    clean: ClassVar[float] = 0
    worst: ClassVar[float] = 1_000
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("earlier_checkpoint needs the paths of a run's checkpoints")

    @override
    def worst_of(self, learner: DiffusionPolicy) -> float:
        return len(self.paths) - 1

    @override
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        if value >= len(self.paths):
            raise ValueError(
                f"the knob {self.name} is at {value:g}, there are {len(self.paths)} checkpoints"
            )
        return load_policy(self.paths[-1 - int(value)], learner.device, learner.sampler)
