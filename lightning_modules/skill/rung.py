"""One rung of the skill ladder: a knob at a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.skill.knob import Knob
from lightning_modules.skill.sampling import SampledBy
from lightning_modules.skill.table import calibrated_value
from robot.policy import Policy

LADDER = "docs/results/ladder/results.json"


@dataclass(frozen=True)
class Rung:
    """How worse a policy is made for an attempt.

    Attributes:
        knob: what is turned; nothing, if None.
        value: where it stands.
        success: how often the policy is to succeed, in place of a value, which ``table`` has.
        table: of what a knob was calibrated to, for ``success``.

    Raises:
        FileNotFoundError: if there is no such table.
        ValueError: if a knob is without a value or a value without a knob, the value is out of the
            knob's range, or the table does not say which it is.
    """

    knob: Knob | None = None
    value: float | None = None
    success: float | None = None
    table: str = LADDER

    def __post_init__(self) -> None:
        if self.success is not None:
            if self.knob is None or self.value is not None:
                raise ValueError(
                    f"a rung with success {self.success} has knob {self.knob} and value "
                    f"{self.value}: give a knob and no value"
                )
            found = calibrated_value(self.table, self.knob.name, self.success)
            object.__setattr__(self, "value", found)
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
