"""Kinematics against the maker's published screw axes (Interbotix, ViperX-300s)."""

import mink
import mujoco
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot.arm_description import load_arm
from robot.forward_kinematics import forward_kinematics
from robot.inverse_kinematics import InverseKinematics, Pose, top_down
from robot.simulation.scene import Scene, compile_scene

ARM = load_arm("viperx300s")
# Home configuration of the grasp point and screw axes in the base frame, as published.
HOME = np.array([[1, 0, 0, 0.536494], [0, 1, 0, 0], [0, 0, 1, 0.42705], [0, 0, 0, 1.0]])
SCREWS = np.array(
    [
        [0, 0, 1, 0, 0, 0],
        [0, 1, 0, -0.12705, 0, 0],
        [0, 1, 0, -0.42705, 0, 0.05955],
        [1, 0, 0, 0, 0.42705, 0],
        [0, 1, 0, -0.42705, 0, 0.35955],
        [1, 0, 0, 0, 0.42705, 0],
    ]
)

joints_within_limits = st.tuples(*(st.floats(*j.range) for j in ARM.joints)).map(np.array)


def product_of_exponentials(joints: np.ndarray) -> np.ndarray:
    """Lynch & Park, Modern Robotics, eq. 4.14."""
    pose = np.eye(4)
    for screw, angle in zip(SCREWS, joints, strict=True):
        twist = np.concatenate([screw[3:], screw[:3]]) * angle  # mink: linear first
        pose = pose @ mink.SE3.exp(twist).as_matrix()
    return pose @ HOME


@given(joints_within_limits)
@settings(max_examples=50, deadline=None)
def test_forward_kinematics_equals_the_published_product_of_exponentials(joints):
    position, rotation = forward_kinematics(ARM, torch.tensor(joints))
    expected = product_of_exponentials(joints)
    np.testing.assert_allclose(position, expected[:3, 3], atol=1e-4)
    np.testing.assert_allclose(rotation, expected[:3, :3], atol=1e-4)


@pytest.mark.parametrize("radius", [0.26, 0.37, 0.48])
@pytest.mark.parametrize("bearing", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("turn", [-1.5, 0.0, 1.5])
def test_every_grasp_on_the_table_is_reached(radius, bearing, turn):
    kinematics = InverseKinematics(ARM)
    position = np.array([radius * np.cos(bearing), radius * np.sin(bearing), 0.018])
    wanted = top_down(position, bearing + turn)
    joints = np.array(ARM.home)
    for _ in range(5):  # an operator gets there over several messages
        joints = kinematics.solve(wanted, joints)
    reached, rotation = forward_kinematics(ARM, torch.tensor(joints))
    assert np.linalg.norm(reached - position) < 1e-3
    turned = mink.SO3(wanted.quaternion).inverse() @ mink.SO3.from_matrix(rotation.numpy())
    assert np.linalg.norm(turned.log()) < 0.02


def test_an_unreachable_pose_gives_joints_within_their_limits():
    kinematics = InverseKinematics(ARM)
    pose = Pose(np.array([2.0, 0.0, 1.0]), top_down(np.zeros(3), 0.0).quaternion)
    joints = kinematics.solve(pose, np.array(ARM.home))
    for value, joint in zip(joints, ARM.joints, strict=True):
        assert joint.range[0] - 1e-6 <= value <= joint.range[1] + 1e-6


def test_a_pose_that_is_reached_already_moves_no_joint():
    kinematics = InverseKinematics(ARM)
    home = np.array(ARM.home)
    position, rotation = forward_kinematics(ARM, torch.tensor(home))
    pose = Pose(position.numpy(), mink.SO3.from_matrix(rotation.numpy()).wxyz)
    np.testing.assert_allclose(kinematics.solve(pose, home), home, atol=2e-3)


def test_the_simulated_arm_is_where_the_kinematics_say():
    model = compile_scene(Scene(()))
    data = mujoco.MjData(model)
    joints = torch.rand(5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    positions, _ = forward_kinematics(ARM, joints)
    for joint, position in zip(joints, positions, strict=True):
        data.qpos[:6] = joint
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(data.site("grasp_point").xpos, position, atol=1e-9)
