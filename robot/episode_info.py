"""What is known of an episode besides its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCRIPTED = "scripted"


@dataclass(frozen=True)
class EpisodeInfo:
    """Where an episode comes from and what it cost.

    Attributes:
        operator: ``scripted`` or the name of the person who teleoperated.
        success: whether the task was done.
        phi: the task parameters, by name.
        human_s: seconds a person teleoperated.
        scripted_s: seconds a scripted operator moved the arm.
        robot_s: seconds the arm moved, whoever moved it.
        seed: of the episode's reset; ``None`` where the world was not simulated.
        attempt: which of the operator's attempts it is, failures counted; ``None`` for a person's.
        notes: anything else a person should know.

    Raises:
        ValueError: if a duration is negative, or a scripted operator is given human seconds.
    """

    operator: str
    success: bool
    phi: Mapping[str, float] = field(default_factory=dict[str, float])
    human_s: float = 0.0
    scripted_s: float = 0.0
    robot_s: float = 0.0
    seed: int | None = None
    attempt: int | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        for name in ("human_s", "scripted_s", "robot_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, must be at least 0")
        if self.operator == SCRIPTED and self.human_s > 0:
            raise ValueError(f"a scripted operator cannot take {self.human_s} s of a person's time")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and dicts, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EpisodeInfo:
        """Inverse of :meth:`to_dict`."""
        return cls(**data)
