"""Pick up a banana and put it into a bowl; banana and bowl lie anywhere on the table."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from datamodules.goals import placed
from datamodules.task import TaskDataModule, polar_pose
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.simulation.objects import BANANA, BOWL
from robot.simulation.scene import Scene
from robot.simulation.task import WorldState
from robot.teleop.operator import Plan, place

# The banana lies to the right of the bowl, never so near that they touch.
SPACE = PhiSpace(
    (
        Dimension("radius", 0.26, 0.48, unit="m"),
        Dimension("bearing", -1.0, 0.2, unit="rad"),
        Dimension("yaw", -math.pi, math.pi, unit="rad"),
        Dimension("bowl_radius", 0.33, 0.43, unit="m"),
        Dimension("bowl_bearing", 0.8, 1.2, unit="rad"),
    )
)


PHI_1 = {"radius": 0.37, "bearing": 0.0, "yaw": 0.0, "bowl_radius": 0.38, "bowl_bearing": 1.0}


def around_phi_1(name: str, distance: float, turn: float) -> PhiSet:
    """Banana within ``distance`` (m) and ``turn`` (rad) of phi_1, bowl within half of that."""
    near = {"radius": distance, "bearing": distance / 0.37, "yaw": turn}
    bowl = {"bowl_radius": distance / 2, "bowl_bearing": distance / 2 / 0.38}
    return PhiSet(name, (SPACE.around(PHI_1, **near, **bowl),))


class PlaceInBowl(TaskDataModule):
    """Success: the banana rests in the bowl and the gripper has let go."""

    task_name = "place_in_bowl"
    phi_space = SPACE
    phi_sets = SPACE.nested(
        [
            around_phi_1("point", 0.005, 0.05),
            around_phi_1("near", 0.04, 0.4),
            around_phi_1("wide", 0.12, 1.5),
            PhiSet("table", (SPACE.box(),)),
        ]
    )
    max_steps = 120
    goal_name = "place"

    def scene(self, phi: Tensor) -> Scene:
        """Slot 0 holds the banana, slot 1 the bowl."""
        return Scene((BANANA, BOWL), self.arm_name)

    def place(self, phi: Tensor) -> Tensor:
        """Both at phi, standing on the table."""
        radius, bearing, yaw, bowl_radius, bowl_bearing = phi.unbind(-1)
        banana = polar_pose(radius, bearing, yaw, BANANA.rest_height)
        bowl = polar_pose(bowl_radius, bowl_bearing, torch.zeros_like(yaw), BOWL.rest_height)
        return torch.stack([banana, bowl], dim=1)

    def goal_position(self, phi: Tensor) -> Tensor:
        """Where the bowl starts."""
        return self.place(phi)[:, 1, :3]

    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the banana lies over the bowl's bottom, low and still, the gripper open."""
        return placed(world, bowl=1)

    def plan(self) -> Plan:
        """Pick the banana, put it down over the bowl."""
        opening = self.arm.gripper.range[1]
        return lambda observation: place(observation, slot=0, target=1, opening=opening)
