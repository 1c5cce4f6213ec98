"""Physics that a grasp needs: what should hold holds, what should slip slips."""

import dataclasses

import numpy as np
import pytest
import torch
from simulated_toy import ToyTask

from robot.forward_kinematics import forward_kinematics
from robot.inverse_kinematics import InverseKinematics, top_down
from robot.simulation.environment import SimulatedArmEnv
from robot.simulation.objects import BANANA, KINDS, ObjectShape
from robot.teleop.operator import pick

SLIPPERY = dataclasses.replace(BANANA, friction=0.05)


def drive(env, now, targets):
    """Commands for all rows, one a step; the last observation."""
    for target in targets:
        now["action"] = target.expand(env.num_envs, -1)
        now = env.step(now)["next"].select(*env.observation_spec.keys())
    return now


def lift(shape, opening_at_grasp=0.0, then=()):
    """Grasps the object at x = 0.37 m, lifts it, does ``then``; its height and slip."""
    task = ToyTask(shape, lifted=10.0)
    env = SimulatedArmEnv(task, 1, task.phi_sets["all"], seed=0, num_threads=1)
    now = env.reset(phi=torch.tensor([[0.37, 0.0]]))
    kinematics, joints, targets = InverseKinematics(env.arm), np.array(env.arm.home), []
    for waypoint in pick(now["observation"][0], 0, 0.09):
        joints = kinematics.solve(top_down(waypoint.position, waypoint.yaw), joints)
        opening = max(waypoint.opening, opening_at_grasp)
        targets += [torch.tensor([*joints, opening], dtype=torch.float32)] * 10
    now = drive(env, now, targets)
    held = now["observation", "object_position"][0, 0].clone()
    before = held - forward_kinematics(env.arm, now["observation", "joint_position"][0])[0]
    now = drive(env, now, [targets[-1] + offset for offset in then])
    grip, _ = forward_kinematics(env.arm, now["observation", "joint_position"][0])
    after = now["observation", "object_position"][0, 0] - grip
    return float(held[2]), float((after - before).norm())


def shake(seconds):
    """Waist and elbow to and fro at 1.7 Hz, as hard as the servos go."""
    t = torch.arange(0, seconds, 0.1)
    offset = torch.zeros(len(t), 7)
    offset[:, 0] = 0.12 * torch.sin(2 * torch.pi * 1.7 * t)
    offset[:, 2] = 0.08 * torch.sin(2 * torch.pi * 1.3 * t)
    return list(offset)


def test_a_lifted_banana_survives_three_seconds_of_shaking():
    height, slip = lift(BANANA, then=[*shake(3.0), *[torch.zeros(7)] * 5])
    assert height > 0.12
    assert slip < 0.01


def test_a_banana_held_still_does_not_creep():
    _, slip = lift(BANANA, then=[torch.zeros(7)] * 50)
    assert slip < 0.003


def test_a_slippery_banana_slips():
    height, _ = lift(SLIPPERY)
    assert height < 0.03


def test_a_gripper_that_never_closes_lifts_nothing():
    height, _ = lift(BANANA, opening_at_grasp=0.09)
    assert height < 0.03


@pytest.mark.parametrize(
    "shape",
    [
        ObjectShape("box", (0.03, 0.02, 0.02), 0.08),
        ObjectShape("cylinder", (0.022, 0.022, 0.03), 0.1),
        ObjectShape("ball", (0.022, 0.022, 0.022), 0.06),
        ObjectShape("mug", (0.045, 0.03, 0.035), 0.15),
    ],
    ids=lambda shape: shape.kind,
)
def test_other_graspable_objects_are_lifted_too(shape):
    height, _ = lift(shape)
    assert height > 0.12


HALF_EXTENTS = {
    "ball": (0.02, 0.02, 0.02),
    "banana": (0.075, 0.0235, 0.0165),
    "bowl": (0.085, 0.085, 0.025),
    "box": (0.04, 0.03, 0.02),
    "cylinder": (0.03, 0.03, 0.05),
    "mug": (0.045, 0.03, 0.04),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_object_comes_to_rest_where_it_is_put_with_the_mass_it_is_given(kind):
    shape = ObjectShape(kind, HALF_EXTENTS[kind], 0.2)
    task = ToyTask(shape)
    env = SimulatedArmEnv(task, 1, task.phi_sets["all"], num_threads=1)
    now = env.reset(phi=torch.tensor([[0.4, 0.0]]))
    start = now["observation", "object_position"][0, 0].clone()
    now = drive(env, now, [now["observation", "last_command"][0]] * 10)
    assert (now["observation", "object_position"][0, 0] - start).norm() < 0.005
    model = env.model(0)
    assert model.body("object_0").mass[0] == pytest.approx(0.2)


def test_an_unknown_object_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown object 'pear'; there are ball, banana, bowl"):
        ObjectShape("pear", (0.1, 0.1, 0.1), 0.1)
