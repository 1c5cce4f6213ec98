"""Four bananas, all alike, and one of them is wanted: which one, only the reward says."""

from __future__ import annotations

import math

from tensordict import TensorDictBase
from torch import Tensor

from datamodules.goals import held_up
from datamodules.grasp_tolerance import RELIABLE
from datamodules.hidden import HiddenTask
from datamodules.pick_banana import PickBanana
from datamodules.task import polar_pose
from robot.imagined import alone
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.schema import MAX_OBJECTS
from robot.simulation.objects import BANANA
from robot.simulation.scene import Scene
from robot.simulation.task import WorldState
from robot.teleop.operator import Plan, pick

# Where the bananas lie before each is moved a little: so far apart that none is in another's way.
RADIUS, BEARINGS = 0.38, (-0.9, -0.3, 0.3, 0.9)
AWAY, ASIDE = 0.04, 0.06  # how far each may be moved, m and rad

RADII = [Dimension(f"radius_{i}", RADIUS - AWAY, RADIUS + AWAY, unit="m") for i in range(4)]
SIDES = [
    Dimension(f"bearing_{i}", bearing - ASIDE, bearing + ASIDE, unit="rad")
    for i, bearing in enumerate(BEARINGS)
]
YAWS = [Dimension(f"yaw_{i}", -math.pi / 2, math.pi / 2, unit="rad") for i in range(4)]
WANTED = Dimension("wanted", 0.0, float(MAX_OBJECTS), visible=False, discrete=True)
SPACE = PhiSpace((*RADII, *SIDES, *YAWS, WANTED))


def moved(name: str, share: float) -> PhiSet:
    """Bananas moved by up to a share of what they may be; any of them may be wanted."""
    middle = {d.name: (d.low + d.high) / 2 for d in SPACE.dimensions}
    reach = {d.name: share * (d.high - d.low) / 2 for d in SPACE.dimensions}
    reach[WANTED.name] = MAX_OBJECTS / 2
    return PhiSet(name, (SPACE.around(middle, **reach),))


class WantedObject(HiddenTask):
    """Success: the wanted banana is held more than 10 cm above the table.

    An episode has time for one of them.
    """

    task_name = "wanted_object"
    skill = PickBanana.task_name
    phi_space = SPACE
    phi_sets = SPACE.nested([moved("point", 0.1), moved("near", 0.5), moved("wide", 1.0)])
    max_steps = 60

    def scene(self, phi: Tensor) -> Scene:
        """Four bananas."""
        return Scene((BANANA,) * MAX_OBJECTS, self.arm_name)

    def place(self, phi: Tensor) -> Tensor:
        """Each at its place, lying flat."""
        radius, bearing, yaw = self.phi_space.visible(phi).unflatten(-1, (3, MAX_OBJECTS)).unbind(1)
        flat = polar_pose(radius.flatten(), bearing.flatten(), yaw.flatten(), BANANA.rest_height)
        return flat.reshape(len(phi), MAX_OBJECTS, 7)

    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the wanted one is up, in the hand and not flying."""
        return held_up(world, wanted(self.phi_space.hidden(phi)))

    def as_if(self, observation: TensorDictBase, hypothesis: Tensor) -> TensorDictBase:
        """The one that would be wanted, alone on the table."""
        return alone(observation, wanted(hypothesis))

    def chance(self, hypothesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
        """A pick of the wanted one nearly always succeeds, any other does not."""
        return RELIABLE * (wanted(hypothesis) == wanted(truth))

    def believed(self, episodes: TensorDictBase) -> Tensor:
        """That the one nearest to where the gripper went is wanted."""
        went, seen = self.went_for(episodes)
        nearest = (seen - went[:, None]).norm(dim=-1).argmin(1)
        return nearest[:, None] + 0.5  # the middle of what names a slot

    def skill_plan(self) -> Plan:
        """Pick up the one in the first slot."""
        opening = self.arm.gripper.range[1]
        return lambda observation: pick(observation, slot=0, opening=opening)


def wanted(hypothesis: Tensor) -> Tensor:
    """The slot that hidden parameters ``[..., 1]`` name, long ``[...]``."""
    return hypothesis[..., 0].floor().long().clamp(0, MAX_OBJECTS - 1)
