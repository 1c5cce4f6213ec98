"""An arm that somebody else drives, as an environment: its steps say what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from typing_extensions import override

from robot.arm_env import ArmEnv
from robot.phi import PhiSet
from robot.simulation.task import SimulatedTask
from robot.station import Station

LONGEST = 120.0  # s of an episode that a person drives


class TeleoperatedEnv(ArmEnv):
    """As :class:`robot.arm_env.ArmEnv`; what a step's action is, is not done.

    The action that is recorded is the command the arm was on its way to at the step's end: who
    follows it from there to there within a step does what was done.

    Args:
        task: names, parameters; its time limit does not hold.
        stations: the arm.
        phi_set: where task parameters are drawn from.
        rest: as of an ArmEnv.
    """

    def __init__(
        self, task: SimulatedTask, stations: Sequence[Station], phi_set: PhiSet, **rest: Any
    ) -> None:
        super().__init__(task, stations, phi_set, **rest)
        self.max_steps = round(LONGEST * task.spec.rate)

    @override
    def _command(self, i: int, action: Tensor) -> None:
        self._stations[i].loop.check()
