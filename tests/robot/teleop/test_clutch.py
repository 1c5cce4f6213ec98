import math

import mink
import numpy as np
import pytest

from robot.inverse_kinematics import Pose, top_down
from robot.teleop.clutch import Clutch

STILL = np.array([1.0, 0.0, 0.0, 0.0])
GRIPPER = top_down(np.array([0.3, 0.0, 0.2]), 0.1)


def settled(clutch):
    """Where the gripper should be once the hand is at rest."""
    for _ in range(300):
        pose = clutch.gripper(0.01)
    return pose


def lead(clutch, way, turn=(0.0, 0.0, 0.0), steps=20):
    """Moves a hand along ``way`` (m) and about ``turn`` (rad)."""
    for i in range(steps + 1):
        share = i / steps
        clutch.see(share * np.array(way), mink.SO3.exp(share * np.array(turn)).wxyz)
        clutch.gripper(0.01)


def test_pressing_moves_nothing_wherever_the_hand_is():
    clutch = Clutch()
    clutch.press(GRIPPER)
    clutch.see(np.array([5.0, -3.0, 1.0]), np.array([0.6, 0.8, 0, 0]))
    pose = settled(clutch)
    np.testing.assert_allclose(pose.position, GRIPPER.position)
    np.testing.assert_allclose(pose.quaternion, GRIPPER.quaternion)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_the_gripper_goes_as_the_hand_goes_by_the_scale(scale):
    clutch = Clutch(scale)
    clutch.press(GRIPPER)
    lead(clutch, (0.2, -0.1, 0.05))
    expected = GRIPPER.position + scale * np.array([0.2, -0.1, 0.05])
    np.testing.assert_allclose(settled(clutch).position, expected, atol=1e-5)


def test_the_gripper_turns_as_the_hand_turns_also_by_more_than_half_a_turn():
    for turn in ((0.0, 0.0, 0.7), (0.4, -0.3, 0.2), (0.0, 0.0, 4.0)):
        clutch = Clutch()
        clutch.press(GRIPPER)
        lead(clutch, (0, 0, 0), turn, steps=30)
        turned = mink.SO3(settled(clutch).quaternion)
        expected = mink.SO3.exp(np.array(turn)) @ mink.SO3(GRIPPER.quaternion)
        assert np.linalg.norm((turned @ expected.inverse()).log()) < 1e-3


def test_pressed_anew_it_goes_on_from_where_the_gripper_is():
    clutch = Clutch()
    clutch.press(GRIPPER)
    lead(clutch, (0.2, 0, 0))
    there = settled(clutch)
    clutch.release()
    clutch.press(Pose(there.position, there.quaternion))
    lead(clutch, (0.1, 0, 0))  # the hand has gone back meanwhile
    expected = GRIPPER.position + np.array([0.15, 0, 0])
    np.testing.assert_allclose(settled(clutch).position, expected, atol=1e-5)


@pytest.mark.parametrize("jump", [(np.array([0.06, 0, 0]), STILL), (np.zeros(3), None)])
def test_what_jumps_is_not_followed_and_what_comes_after_is(jump):
    position, rotation = jump
    rotation = mink.SO3.exp(np.array([0, 0, math.radians(36)])).wxyz if rotation is None else STILL
    clutch = Clutch()
    clutch.press(GRIPPER)
    clutch.see(np.zeros(3), STILL)
    clutch.see(position, rotation)
    assert clutch.jumps == 1
    np.testing.assert_allclose(settled(clutch).position, GRIPPER.position)
    np.testing.assert_allclose(settled(clutch).quaternion, GRIPPER.quaternion)
    clutch.see(position + np.array([0, 0.04, 0]), rotation)
    expected = GRIPPER.position + np.array([0, 0.02, 0])
    np.testing.assert_allclose(settled(clutch).position, expected, atol=1e-5)


def test_a_scale_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"scale is 3.0, must be above 0 and at most 2"):
        Clutch(3.0)
