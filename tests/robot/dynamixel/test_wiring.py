"""The wiring of an arm, and the gripper's linkage."""

import math

import pytest

from robot.arm_description import load_arm
from robot.dynamixel.wiring import Linkage, load_wiring

TICK = 2 * math.pi / 4096


ARMS = ("viperx300s", "widowx250s")


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_has_nine_servos_two_of_which_follow(name):
    wiring = load_wiring(name)
    assert [servo.id for servo in wiring.servos] == list(range(1, 10))
    assert {s.id: s.shadows for s in wiring.servos if s.shadows} == {3: 2, 5: 4}
    assert [servo.joint for servo in wiring.leaders] == list(load_arm(name).action_names)
    facing = {s.id for s in wiring.servos if s.reversed}
    assert facing == ({2, 4, 7} if name == "viperx300s" else {3, 5, 7})


@pytest.mark.parametrize("name", ARMS)
def test_servos_stop_where_the_joints_do(name):
    arm = load_arm(name)
    for servo, joint in zip(load_wiring(name).leaders, arm.joints, strict=False):
        low, high = ((tick - 2048) * TICK for tick in servo.limits)
        # Those that turn all the way stop a tick early.
        assert (low, high) == pytest.approx(joint.range, abs=2 * TICK)


@pytest.mark.parametrize("name", ARMS)
def test_the_linkage_and_its_inverse_agree_over_the_gripper_range(name):
    linkage = load_wiring(name).linkage
    for share in (0.03, 0.2, 0.5, 0.8, 0.98):
        opening = share * load_arm(name).gripper.range[1]
        assert linkage.opening(linkage.angle(opening)) == pytest.approx(opening, abs=1e-9)
    assert linkage.angle(0.2) == pytest.approx(math.pi / 2)  # as far as it goes


def test_an_opened_horn_is_two_lengths_from_its_axis():
    assert Linkage(0.022, 0.036, 0.0).opening(math.pi / 2) == pytest.approx(2 * 0.058)
    assert Linkage(0.022, 0.036, 0.0).opening(-math.pi / 2) == pytest.approx(2 * 0.014)
