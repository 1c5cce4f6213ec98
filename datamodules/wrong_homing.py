"""The waist was put together a few teeth off: its encoder is wrong by the same angle each time."""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.grasp_tolerance import chance_of_a_pick
from datamodules.hidden import HiddenTask
from datamodules.pick_banana import PHI_1, SPACE, PickBanana
from robot.imagined import turned
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.teleop.operator import Plan

# How far off the encoder may be, each way, rad: 13 cm at the banana, beyond what a grasp tolerates.
REACH = 0.35

HOMED = PhiSpace(
    (
        *SPACE.dimensions,
        Dimension("waist_error", -REACH, REACH, visible=False, unit="rad"),
    )
)


def homed(name: str, distance: float, aside: float, turn: float, reach: float) -> PhiSet:
    """A banana within ``distance`` (m), ``aside`` and ``turn`` (rad) of phi_1."""
    center = {**PHI_1, "waist_error": 0.0}
    box = HOMED.around(center, radius=distance, bearing=aside, yaw=turn, waist_error=reach)
    return PhiSet(name, (box,))


class WrongHoming(HiddenTask, PickBanana):  # pyright: ignore[reportIncompatibleMethodOverride]
    """Pick up the banana; hidden: by how much the waist's encoder errs.

    The arm starts where the encoder says home is, so that nothing seen gives the error away.
    """

    task_name = "wrong_homing"
    max_steps = 60  # time for one attempt
    skill = PickBanana.task_name
    phi_space = HOMED
    phi_sets = HOMED.nested(
        [
            homed("point", 0.005, 0.014, 0.05, 0.0),
            homed("near", 0.01, 0.1, 0.4, REACH / 2),
            homed("wide", 0.02, 0.3, 1.5, REACH),
        ]
    )

    def place(self, phi: Tensor) -> Tensor:
        """The banana where it is seen."""
        return super().place(self.phi_space.visible(phi))

    def homing_error(self, phi: Tensor) -> Tensor:
        """The hidden parameter, of the waist; the other encoders are right."""
        error = torch.zeros(len(phi), len(self.arm.joints))
        error[:, 0] = self.phi_space.hidden(phi)[:, 0]
        return error

    def chance(self, hypothesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
        """A pick goes as far to the side as the waist is turned too far."""
        radius, bearing, yaw = visible.unbind(-1)
        aside = radius * (hypothesis - truth)[..., 0]
        return chance_of_a_pick(-bearing.sin() * aside, bearing.cos() * aside, yaw)

    def as_if(self, observation: TensorDictBase, hypothesis: Tensor) -> TensorDictBase:
        """The banana where the arm would have to go by its own encoders."""
        return turned(observation, hypothesis[:, 0])

    def believed(self, episodes: TensorDictBase) -> Tensor:
        """That the banana is in the direction in which the gripper went."""
        went, seen = self.went_for(episodes)
        x, y = seen[:, 0].unbind(-1)
        return (torch.atan2(went[:, 1], went[:, 0]) - torch.atan2(y, x))[:, None]

    def skill_plan(self) -> Plan:
        """Pick it up where it is seen."""
        return PickBanana.plan(self)
