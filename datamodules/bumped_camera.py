"""Someone has bumped the camera: the banana is not where it is seen, by the same way each time."""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.grasp_tolerance import chance_of_a_pick
from datamodules.hidden import HiddenTask
from datamodules.pick_banana import PHI_1, SPACE, PickBanana
from robot.imagined import displaced
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.teleop.operator import Plan

# How far off it may be, each way, m: beyond what a grasp tolerates, so far that the best search
# needs about five attempts to find nine in ten.
REACH = 0.09

BUMPED = PhiSpace(
    (
        *SPACE.dimensions,
        Dimension("camera_x", -REACH, REACH, visible=False, unit="m"),
        Dimension("camera_y", -REACH, REACH, visible=False, unit="m"),
    )
)


def bumped(name: str, distance: float, aside: float, turn: float, reach: float) -> PhiSet:
    """A banana seen within ``distance`` (m), ``aside`` and ``turn`` (rad) of phi_1.

    Where it is seen says nothing of the camera, which is bumped by up to ``reach`` (m). It lies
    where the arm has learnt to pick, whatever the camera: it is not seen at the ends of the table.
    """
    center = {**PHI_1, "camera_x": 0.0, "camera_y": 0.0}
    box = BUMPED.around(
        center, radius=distance, bearing=aside, yaw=turn, camera_x=reach, camera_y=reach
    )
    return PhiSet(name, (box,))


class BumpedCamera(HiddenTask, PickBanana):  # pyright: ignore[reportIncompatibleMethodOverride]
    """Pick up the banana; hidden: how far from the truth the camera reports it."""

    task_name = "bumped_camera"
    max_steps = 60  # time for one attempt
    skill = PickBanana.task_name
    phi_space = BUMPED
    phi_sets = BUMPED.nested(
        [
            bumped("point", 0.005, 0.014, 0.05, 0.0),
            bumped("near", 0.01, 0.1, 0.4, REACH / 2),
            bumped("wide", 0.02, 0.3, 1.5, REACH),
        ]
    )

    def place(self, phi: Tensor) -> Tensor:
        """The banana as far from where it is seen as the camera errs."""
        pose = super().place(self.phi_space.visible(phi))
        pose[..., :3] -= self.camera_error(phi)[:, None]
        return pose

    def camera_error(self, phi: Tensor) -> Tensor:
        """The hidden parameters; heights are right."""
        hidden = self.phi_space.hidden(phi)
        return torch.cat([hidden, torch.zeros_like(hidden[:, :1])], dim=-1)

    def chance(self, hypothesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
        """A pick is wrong by as much as the hypothesis."""
        x, y = (hypothesis - truth).unbind(-1)
        return chance_of_a_pick(x, y, visible[..., 2])

    def as_if(self, observation: TensorDictBase, hypothesis: Tensor) -> TensorDictBase:
        """The banana where it would be."""
        return displaced(observation, -torch.nn.functional.pad(hypothesis, (0, 1)))

    def believed(self, episodes: TensorDictBase) -> Tensor:
        """That the banana is where the gripper went."""
        went, seen = self.went_for(episodes)
        return seen[:, 0] - went

    def skill_plan(self) -> Plan:
        """Pick it up where it is seen."""
        return PickBanana.plan(self)
