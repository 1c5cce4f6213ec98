"""The observation as the gripper sees it, against SciPy and against what a turned table shows."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from robot.arm_description import load_arm
from robot.forward_kinematics import forward_kinematics
from robot.observation import SeenObjects, observe

ARM = load_arm("viperx300s")
# Everything but where on the table it is: these may change when the whole table is turned.
ABSOLUTE = {"joint_position", "last_command", "object_position", "object_rotation"}


def seen(joints, position, rotation, goal, opening=0.05):
    """The observation of one arm: joints [J], objects at position [S, 3], SciPy rotations."""
    columns = torch.tensor(rotation.as_matrix()[:, :, :2].swapaxes(1, 2).reshape(-1, 6))
    objects = SeenObjects(
        torch.tensor(position)[None],
        columns[None],
        torch.full((1, len(position), 3), 0.02, dtype=torch.float64),
        torch.ones(1, len(position), dtype=torch.float64),
    )
    q = torch.tensor(joints)[None]
    gripper = torch.full((1, 1), opening, dtype=torch.float64)
    command = torch.cat([q + 0.01, gripper], dim=-1)
    pose = forward_kinematics(ARM, q)
    return observe(q, 0.1 * q, gripper, pose, command, objects, torch.tensor(goal)[None])


@pytest.fixture
def scene():
    random = np.random.default_rng(0)
    joints = np.array([0.4, -0.2, 0.5, 0.1, 1.2, -0.7])
    position = np.array([[0.4, 0.1, 0.02], [0.3, -0.2, 0.05]])
    return joints, position, Rotation.random(2, random), np.array([0, 1, 0, 0, 0.35, 0.2, 0.1])


def test_turning_arm_table_and_goal_together_leaves_what_the_gripper_sees(scene):
    joints, position, rotation, goal = scene
    about = Rotation.from_euler("z", 0.9)
    turned = goal.copy()
    turned[-3:] = about.apply(goal[-3:])
    before = seen(joints, position, rotation, goal)
    after = seen(
        joints + np.array([0.9, 0, 0, 0, 0, 0]), about.apply(position), about * rotation, turned
    )
    after["joint_velocity"] = before["joint_velocity"]
    for name in before.keys() - ABSOLUTE:  # pyright: ignore[reportOperatorIssue]
        torch.testing.assert_close(after[name], before[name], msg=name)
    for name in ABSOLUTE:
        assert not torch.allclose(after[name], before[name]), name


def test_offsets_and_turns_are_those_of_rigid_body_geometry(scene):
    joints, position, rotation, goal = scene
    out = seen(joints, position, rotation, goal)
    point, matrix = (x[0].numpy() for x in forward_kinematics(ARM, torch.tensor(joints)[None]))
    heading = Rotation.from_euler("z", np.arctan2(point[1], point[0])).inv()
    np.testing.assert_allclose(out["object_offset"][0], heading.apply(position - point))
    np.testing.assert_allclose(out["goal"][0, -3:], heading.apply(goal[-3:] - point))
    yaw = np.arctan2(-matrix[0, 1], matrix[1, 1])
    relative = (Rotation.from_euler("z", -yaw) * rotation).as_matrix()
    half_turn = Rotation.from_euler("z", np.pi).as_matrix()
    ahead = [m if m[0, 0] > 0 else half_turn @ m for m in relative]
    expected = np.stack([m[:, :2].T.ravel() for m in ahead])
    np.testing.assert_allclose(out["object_turn"][0], expected, atol=1e-12)
    np.testing.assert_allclose(out["object_place"][0], heading.apply(position))
    np.testing.assert_allclose(out["posture"][0], joints[1:-1])
    sent = [0.01, *(joints[1:-1] + 0.01), 0.01, 0.05]
    np.testing.assert_allclose(out["pending_command"][0], sent)


def test_turning_the_wrist_with_the_object_leaves_its_turn(scene):
    _, position, rotation, goal = scene
    home = np.array(ARM.home_command[:-1])  # the gripper points straight down
    before = seen(home, position, rotation, goal)
    wrist = home - np.array([0, 0, 0, 0, 0, 0.8])  # about the approach: the other way round
    after = seen(wrist, position, Rotation.from_euler("z", 0.8) * rotation, goal)
    torch.testing.assert_close(after["object_turn"], before["object_turn"], atol=1e-3, rtol=0)


def test_half_a_turn_of_the_object_under_the_gripper_leaves_its_turn_a_quarter_does_not(scene):
    joints, position, rotation, goal = scene
    before = seen(joints, position, rotation, goal)["object_turn"]
    half, quarter = (Rotation.from_euler("z", angle) for angle in (np.pi, np.pi / 2))
    after = seen(joints, position, half * rotation, goal)["object_turn"]
    torch.testing.assert_close(after, before)
    assert not torch.allclose(
        seen(joints, position, quarter * rotation, goal)["object_turn"], before
    )


def test_a_goal_without_a_place_shows_none(scene):
    joints, position, rotation, _ = scene
    nowhere = np.array([1.0, 0, 0, 0, 0, 0, 0])
    assert seen(joints, position, rotation, nowhere)["goal"][0].tolist() == nowhere.tolist()
