"""Knobs that make a policy worse, little by little: what graded attempts are made with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from lightning_modules.diffusion_policy import DiffusionPolicy
from robot.policy import Policy


@dataclass(frozen=True)
class Knob(ABC):
    """One way of making a diffusion policy worse; subclass it to plug in one of your own.

    Attributes:
        name: what tables and configs call it.
        structured: whether the worse attempts come from the policy itself, or are a control.
        whole: whether it takes whole numbers only.
        clean: its value at which attempts are best.
        worst: the value farthest from it that makes sense.
    """

    name: ClassVar[str]
    structured: ClassVar[bool]
    whole: ClassVar[bool] = False
    clean: ClassVar[float]
    worst: ClassVar[float]

    def at(self, learner: DiffusionPolicy, value: float, seed: int = 0) -> Policy:
        """The policy with the knob at a value, for one rollout.

        Args:
            learner: the policy as it is; it is left so.
            value: from ``clean`` to ``worst``.
            seed: of what the knob draws; the policy's own noise is the rollout's.

        Raises:
            ValueError: if the value is out of range.
        """
        self.check(value)
        return self._turned(learner, value, seed)

    def check(self, value: float) -> None:
        """Refuses a value that no policy can take.

        Raises:
            ValueError: one sentence with the range.
        """
        low, high = sorted((self.clean, self.worst))
        if not low <= value <= high or (self.whole and not float(value).is_integer()):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(
                f"the knob {self.name} is at {value:g}, it takes {kind} from {low:g} to {high:g}"
            )

    def worst_of(self, learner: DiffusionPolicy) -> float:
        """The value farthest from ``clean`` that this policy can take."""
        return self.worst

    @abstractmethod
    def _turned(self, learner: DiffusionPolicy, value: float, seed: int) -> Policy:
        """The policy at a value that is in range."""
