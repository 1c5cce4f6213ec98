"""Pick up a banana and put it into a bowl; banana and bowl lie anywhere on the table."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from datamodules.task import TaskDataModule, polar_pose
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.schema import GOALS
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


def around_phi_1(name: str, distance: float, turn: float, bowl: float) -> PhiSet:
    """Banana within ``distance`` (m) and ``turn`` (rad), bowl within ``bowl`` (m) of phi_1."""
    radial, across = min(distance, 0.10), distance / 0.37
    box = SPACE.box(
        radius=(0.37 - radial, 0.37 + radial),
        bearing=(-across, min(across, 0.2)),
        yaw=(-turn, turn),
        bowl_radius=(0.38 - bowl, 0.38 + bowl),
        bowl_bearing=(1.0 - bowl / 0.38, 1.0 + bowl / 0.38),
    )
    return PhiSet(name, (box,))


class PlaceInBowl(TaskDataModule):
    """Success: the banana rests in the bowl and the gripper has let go."""

    task_name = "place_in_bowl"
    phi_space = SPACE
    phi_sets = SPACE.nested(
        [
            around_phi_1("point", 0.005, 0.05, 0.005),
            around_phi_1("near", 0.04, 0.4, 0.02),
            around_phi_1("wide", 0.10, 1.5, 0.04),
            PhiSet("table", (SPACE.box(),)),
        ]
    )
    max_steps = 120

    def scene(self, phi: Tensor) -> Scene:
        """Slot 0 holds the banana, slot 1 the bowl."""
        return Scene((BANANA, BOWL), self.arm_name)

    def place(self, phi: Tensor) -> Tensor:
        """Both at phi, standing on the table."""
        radius, bearing, yaw, bowl_radius, bowl_bearing = phi.unbind(-1)
        banana = polar_pose(radius, bearing, yaw, BANANA.rest_height)
        bowl = polar_pose(bowl_radius, bowl_bearing, torch.zeros_like(yaw), BOWL.rest_height)
        return torch.stack([banana, bowl], dim=1)

    def goal(self, phi: Tensor) -> Tensor:
        """To place, where the bowl starts."""
        goal = torch.zeros(len(phi), len(GOALS) + 3)
        goal[:, GOALS.index("place")] = 1.0
        goal[:, len(GOALS) :] = self.place(phi)[:, 1, :3]
        return goal

    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the banana lies over the bowl's bottom, low and still, the gripper open."""
        banana, bowl = world.object_position[:, 0], world.object_position[:, 1]
        inside = (banana[:, :2] - bowl[:, :2]).norm(dim=-1) < BOWL.half_extents[0] / 2
        low = banana[:, 2] < bowl[:, 2] + 2 * BOWL.half_extents[2]
        still = world.object_velocity[:, 0, :3].norm(dim=-1) < 0.05
        return inside & low & still & (world.gripper_opening[:, 0] > 0.06)

    def plan(self) -> Plan:
        """Pick the banana, put it down over the bowl."""
        opening = self.arm.gripper.range[1]
        return lambda observation: place(observation, slot=0, target=1, opening=opening)
