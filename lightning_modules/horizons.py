"""How far a policy looks back, predicts ahead and commits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Horizons:
    """Lengths in environment steps.

    Attributes:
        observation: To, observations a decision sees: steps ``t - To + 1 .. t``.
        prediction: Tp, actions a chunk predicts: steps ``t .. t + Tp - 1``.
        action: Ta, leading actions of a chunk that are executed before replanning.

    Raises:
        ValueError: if a horizon is below 1 or Ta exceeds Tp.
    """

    observation: int = 2
    prediction: int = 12
    action: int = 8

    def __post_init__(self) -> None:
        for name in ("observation", "prediction", "action"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} horizon is {getattr(self, name)}, it must be at least 1")
        if self.action > self.prediction:
            raise ValueError(
                f"action horizon {self.action} exceeds prediction horizon {self.prediction}: "
                "a policy cannot execute actions it has not predicted"
            )
