"""Pick up a banana that lies anywhere on the table."""

from __future__ import annotations

import math

from torch import Tensor

from datamodules.goals import held_up
from datamodules.task import TaskDataModule, polar_pose
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.simulation.objects import BANANA
from robot.simulation.scene import Scene
from robot.simulation.task import WorldState
from robot.teleop.operator import Plan, pick

SPACE = PhiSpace(
    (
        Dimension("radius", 0.26, 0.48, unit="m"),
        Dimension("bearing", -1.0, 1.0, unit="rad"),
        Dimension("yaw", -math.pi, math.pi, unit="rad"),
    )
)


# phi_1, where the demonstrations are: straight ahead, pointing away from the arm.
PHI_1 = {"radius": 0.37, "bearing": 0.0, "yaw": 0.0}


def around_phi_1(name: str, distance: float, turn: float) -> PhiSet:
    """All within ``distance`` (m, along and across the radius) and ``turn`` (rad) of phi_1."""
    across = distance / PHI_1["radius"]
    return PhiSet(name, (SPACE.around(PHI_1, radius=distance, bearing=across, yaw=turn),))


class PickBanana(TaskDataModule):
    """Success: the banana is held more than 10 cm above the table."""

    task_name = "pick_banana"
    phi_space = SPACE
    phi_sets = SPACE.nested(
        [
            around_phi_1("point", 0.005, 0.05),
            around_phi_1("near", 0.04, 0.4),
            around_phi_1("wide", 0.12, 1.5),
            PhiSet("table", (SPACE.box(),)),
        ]
    )
    max_steps = 80

    def scene(self, phi: Tensor) -> Scene:
        """One banana."""
        return Scene((BANANA,), self.arm_name)

    def place(self, phi: Tensor) -> Tensor:
        """The banana at phi, lying flat."""
        radius, bearing, yaw = phi.unbind(-1)
        return polar_pose(radius, bearing, yaw, BANANA.rest_height)[:, None]

    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the banana is up, in the hand and not flying."""
        return held_up(world)

    def plan(self) -> Plan:
        """Pick it up."""
        opening = self.arm.gripper.range[1]
        return lambda observation: pick(observation, slot=0, opening=opening)
