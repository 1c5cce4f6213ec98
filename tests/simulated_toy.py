"""A task for tests: any scene, the object straight ahead, success by height."""

import torch

from datamodules.tabletop import tabletop_spec
from robot.arm_description import load_arm
from robot.phi import Dimension, PhiSet, PhiSpace
from robot.schema import GOALS
from robot.simulation.objects import BANANA
from robot.simulation.scene import Scene

SPACE = PhiSpace((Dimension("x", 0.3, 0.45), Dimension("kind", 0.0, 2.0, visible=False)))


class ToyTask:
    """Phi: where the object lies, and (hidden) which of the given shapes it has."""

    phi_space = SPACE
    phi_sets = {"all": PhiSet("all", (SPACE.box(),))}
    max_steps = 12
    hold_steps = 1

    def __init__(self, *shapes, lifted=0.10):
        self.shapes = shapes or (BANANA,)
        self.lifted = lifted
        self.spec = tabletop_spec("toy", load_arm("viperx300s"), 10.0)

    def shape(self, phi):
        return self.shapes[min(int(phi[1]), len(self.shapes) - 1)]

    def scene(self, phi):
        return Scene((self.shape(phi),))

    def place(self, phi):
        poses = torch.zeros(len(phi), 1, 7)
        poses[:, 0, 0] = phi[:, 0]
        poses[:, 0, 2] = torch.tensor([self.shape(p).rest_height for p in phi])
        poses[:, 0, 3] = 1.0
        return poses

    def camera_error(self, phi):
        return torch.zeros(len(phi), 3)

    def homing_error(self, phi):
        return torch.zeros(len(phi), 6)

    def actuator_lag(self, phi):
        return torch.zeros(len(phi))

    def goal(self, phi):
        return torch.zeros(len(phi), len(GOALS) + 3)

    def success(self, world, phi):
        return world.object_position[:, 0, 2] > self.lifted
