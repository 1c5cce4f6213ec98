"""One rung of the skill ladder: a knob at a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.skill.knob import Knob
from lightning_modules.skill.sampling import SampledBy
from robot.policy import Policy


@dataclass(frozen=True)
class Rung:
    """How worse a policy is made for an attempt.

    Attributes:
        knob: what is turned; nothing, if None.
        value: where it stands.

    Raises:
        ValueError: if only one of them is given, or the value is out of the knob's range.
    """

    knob: Knob | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if (self.knob is None) != (self.value is None):
            raise ValueError(f"a rung has knob {self.knob} and value {self.value}: give both")
        if self.knob is not None and self.value is not None:
            self.knob.check(self.value)

    def describe(self) -> dict[str, Any]:
        """Which rung it is, as plain data."""
        if self.knob is None:
            return {"knob": None}
        return {"knob": self.knob.name, **asdict(self.knob), "value": self.value}

    def policy(self, learner: DiffusionPolicy, seed: int) -> Policy:
        """The policy of one rollout."""
        if self.knob is None or self.value is None:
            return SampledBy(learner, learner.sampler)
        return self.knob.at(learner, self.value, seed)
