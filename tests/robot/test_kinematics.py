"""Kinematics against the maker's published screw axes (Interbotix, ViperX-300s)."""

import mink
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot.arm_description import load_arm
from robot.kinematics import Kinematics, Pose, top_down

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
    pose = Kinematics(ARM).forward(joints)
    expected = product_of_exponentials(joints)
    rotation = mink.SO3(pose.quaternion).as_matrix()
    np.testing.assert_allclose(pose.position, expected[:3, 3], atol=1e-4)
    np.testing.assert_allclose(rotation, expected[:3, :3], atol=1e-4)


@pytest.mark.parametrize("radius", [0.26, 0.37, 0.48])
@pytest.mark.parametrize("bearing", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("turn", [-1.5, 0.0, 1.5])
def test_every_grasp_on_the_table_is_reached(radius, bearing, turn):
    kinematics = Kinematics(ARM)
    position = np.array([radius * np.cos(bearing), radius * np.sin(bearing), 0.018])
    wanted = top_down(position, bearing + turn)
    joints = np.array(ARM.home)
    for _ in range(5):  # an operator gets there over several messages
        joints = kinematics.inverse(wanted, joints)
    reached = kinematics.forward(joints)
    assert np.linalg.norm(reached.position - position) < 1e-3
    turned = mink.SO3(wanted.quaternion).inverse() @ mink.SO3(reached.quaternion)
    assert np.linalg.norm(turned.log()) < 0.02


def test_an_unreachable_pose_gives_joints_within_their_limits():
    kinematics = Kinematics(ARM)
    pose = Pose(np.array([2.0, 0.0, 1.0]), top_down(np.zeros(3), 0.0).quaternion)
    joints = kinematics.inverse(pose, np.array(ARM.home))
    for value, joint in zip(joints, ARM.joints, strict=True):
        assert joint.range[0] - 1e-6 <= value <= joint.range[1] + 1e-6


def test_a_pose_that_is_reached_already_moves_no_joint():
    kinematics = Kinematics(ARM)
    home = np.array(ARM.home)
    np.testing.assert_allclose(kinematics.inverse(kinematics.forward(home), home), home, atol=2e-3)
