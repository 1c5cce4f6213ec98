"""What the degradation experiment runs on: the cheap family, and one with contact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules import BumpedCamera, HiddenReach, Rollouts
from experiments import reaching_skill

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Family:
    """A family of hidden task parameters, its skill, and how much is run on it.

    Attributes:
        task: a class of :class:`datamodules.hidden.HiddenTask`.
        skill: where the checkpoint of a seed's skill is.
        calibrated: episodes behind each number of a calibration.
        num_envs: arms that are stepped together where lifetimes are lived and knobs are set.
        part: lifetimes that are made at once.
        lifetimes: to learn from.
        attempts: of each level at each phi.
        updates: of the learner.
        choosing: lifetimes that choose a student's temperature.
        tested: lifetimes of the test.
        learner: arguments of the MetaLearner.
        arms: those that are run; all, if empty.
    """

    task: Any
    skill: Callable[[int], Path]
    calibrated: int
    num_envs: int
    part: int
    lifetimes: int
    attempts: int
    updates: int
    choosing: int
    tested: int
    learner: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arms: tuple[str, ...] = ()

    def made_up(self) -> Any:
        """The task, with nothing to learn from."""
        return self.task("wide", {"rollouts": Rollouts()})


def generalist(seed: int) -> Path:
    """The curriculum's policy for the whole table."""
    folder = ROOT / "docs" / "results" / "curriculum" / "checkpoints"
    return folder / f"curriculum-{seed}.ckpt"


FAMILIES = {
    HiddenReach.task_name: Family(
        task=HiddenReach,
        skill=lambda seed: reaching_skill.checkpoint(seed),
        calibrated=2048,
        num_envs=2048,
        part=512,
        lifetimes=4096,
        attempts=6,
        updates=2000,
        choosing=1024,
        tested=2048,
        learner={
            "width": 64,
            "num_layers": 2,
            "num_heads": 4,
            "context": 12,
            "learning_rate": 1e-3,
        },
    ),
    # Confirms the arms that tell most.
    BumpedCamera.task_name: Family(
        task=BumpedCamera,
        skill=generalist,
        calibrated=384,
        num_envs=128,
        part=128,
        lifetimes=768,
        attempts=4,
        updates=2000,
        choosing=128,
        tested=512,
        arms=("temperature", "iid_noise", "same_ends", "search"),
    ),
}
