"""A hand drives a virtual arm in lockstep: what is sent, what is not, and when it stops."""

import numpy as np
import pytest
import torch
from hands import Hand

from robot.arm_session import go
from robot.forward_kinematics import forward_kinematics
from robot.servo_loop import ServoLoop
from robot.teleop.driving import RATE, STALE, Driving
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault
from robot.virtual.served import served


@pytest.fixture
def driven():
    """A driving, its hand and the virtual arm, at home."""
    with served(VirtualArm()) as virtual:
        arm = virtual.driver()
        virtual.world.ask("pose", arm.description.home, 0.05)
        arm.connect()
        loop = ServoLoop(arm, rate=RATE, clock=virtual.clock)
        loop.begin()
        loop.start()
        go([loop], [arm.description.home_command], virtual.clock)
        driving = Driving(loop, virtual.clock)
        driving.start()
        hand = Hand(driving)
        virtual.clock.sleep(0.05)  # not held yet
        yield driving, hand, virtual
        driving.end()
        loop.end()
        arm.close()


def gripper(driving):
    joints = driving.loop.sent[:-1].double()
    return forward_kinematics(driving.loop.arm.description, joints)[0].numpy()


def measured(driving):
    joints = driving.loop.state.position[:-1].double()
    return forward_kinematics(driving.loop.arm.description, joints)[0].numpy()


def speed(driving):
    """Of the fastest joint as it is commanded, rad/s."""
    before = driving.loop.sent.clone()
    driving.clock.sleep(0.05)
    return float((driving.loop.sent - before)[:-1].abs().max()) / 0.05


def test_the_gripper_follows_half_as_far_and_only_while_held(driven):
    driving, hand, _ = driven
    start = gripper(driving)
    hand.velocity = np.array([0.0, 0.1, 0.0])
    driving.clock.sleep(0.5)
    np.testing.assert_allclose(gripper(driving), start, atol=1e-4)  # not held
    hand.held = True
    driving.clock.sleep(1.0)
    hand.velocity = np.zeros(3)
    driving.clock.sleep(1.0)
    went = gripper(driving) - start
    np.testing.assert_allclose(went, [0, 0.05, 0], atol=2e-3)
    np.testing.assert_allclose(measured(driving), gripper(driving), atol=0.01)
    hand.held, hand.velocity = False, np.array([0.0, 0.1, 0.0])
    driving.clock.sleep(0.1)
    there = gripper(driving)
    driving.clock.sleep(0.5)
    np.testing.assert_allclose(gripper(driving), there, atol=1e-4)


def test_fingers_close_as_they_are_told(driven):
    driving, hand, _ = driven
    hand.held, hand.opening = True, 0.25
    driving.clock.sleep(1.0)
    widest = driving.loop.arm.description.gripper.range[1]
    assert float(driving.loop.sent[-1]) == pytest.approx(0.25 * widest, abs=1e-4)


def test_silence_stops_the_arm_until_the_clutch_is_pressed_anew(driven):
    driving, hand, _ = driven
    hand.held, hand.velocity = True, np.array([0.0, 0.2, 0.0])
    driving.clock.sleep(0.6)
    assert speed(driving) > 0.1
    hand.silent = True
    driving.clock.sleep(STALE + 0.1)
    assert speed(driving) < 1e-6
    assert "nothing has come for 0.2 s" in driving.state.why
    hand.silent = False
    driving.clock.sleep(0.3)
    assert speed(driving) < 1e-6  # still held, but not anew
    hand.held = False
    driving.clock.sleep(0.05)
    hand.held = True
    driving.clock.sleep(0.3)
    assert speed(driving) > 0.1


def test_who_leaves_lets_go(driven):
    driving, hand, _ = driven
    hand.held, hand.velocity = True, np.array([0.0, 0.2, 0.0])
    driving.clock.sleep(0.6)
    hand.silent = True
    driving.leave("the connection was lost")
    driving.clock.sleep(0.1)
    assert speed(driving) < 1e-6
    assert driving.state.why == "the connection was lost"
    assert driving.heard == -1
    hand.silent = False
    driving.clock.sleep(0.3)
    assert speed(driving) < 1e-6  # back, and still held: not pressed anew


def test_what_comes_twice_or_late_or_out_of_order_moves_nothing(driven):
    driving, hand, _ = driven
    hand.held = True
    driving.clock.sleep(0.3)
    hand.silent = True
    far = hand.position + np.array([0.0, 0.04, 0.0])
    now = driving.clock.now()
    assert not driving.receive(hand.message(position=far, sequence=hand.sent - 1))
    assert not driving.receive(hand.message(position=far, sequence=hand.sent, time=now - 0.3))
    assert driving.receive(hand.message(position=far, sequence=hand.sent + 1))
    assert not driving.receive(hand.message(position=far, sequence=hand.sent + 1))
    assert driving.state.dropped == 3


def test_who_comes_holding_on_is_told_to_let_go(driven):
    driving, hand, _ = driven
    driving.leave("")  # and somebody sits down with a finger on the pad
    hand.held, hand.velocity = True, np.array([0.0, 0.2, 0.0])
    driving.clock.sleep(0.4)
    assert speed(driving) < 1e-6
    assert driving.state.why == "it was held on to already: let go and press again"
    hand.held = False
    driving.clock.sleep(0.05)
    assert driving.state.why == ""
    hand.held = True
    driving.clock.sleep(0.4)
    assert speed(driving) > 0.1


def test_a_release_that_comes_late_lets_go(driven):
    driving, hand, _ = driven
    hand.held, hand.velocity = True, np.array([0.0, 0.2, 0.0])
    driving.clock.sleep(0.6)
    assert driving.state.held
    driving.clock.end(hand)
    late = driving.clock.now() - 1.0  # the way has become that long
    assert driving.receive(hand.message(sequence=hand.sent + 1, time=late, held=False))
    driving.clock.sleep(0.1)
    assert not driving.state.held
    assert speed(driving) < 1e-6


def test_a_clock_that_is_a_little_slow_is_not_late_after_an_hour(driven):
    driving, hand, _ = driven
    hand.silent = True
    driving.clock.end(hand)
    for i in range(101, 136):
        driving.clock._now += 100.0  # nobody waits that long
        assert driving.receive(hand.message(sequence=i, time=0.9995 * driving.clock.now()))


def test_the_arm_stays_within_its_limits_and_says_what_holds_it(driven):
    driving, hand, virtual = driven
    hand.held, hand.velocity = True, np.array([0.0, 0.0, -0.4])  # into the table
    for _ in range(20):
        driving.clock.sleep(0.1)
        assert driving.loop.guard.depth(driving.loop.sent) <= 1e-6
    assert driving.state.limited == "surroundings"
    assert virtual.world.ask("world").joint_position.isfinite().all()
    hand.velocity = np.array([0.0, 0.0, 0.4])
    driving.clock.sleep(2.5)  # and it comes back out
    assert gripper(driving)[2] > 0.1


def test_a_jump_of_the_hand_is_not_followed(driven):
    driving, hand, _ = driven
    hand.held = True
    driving.clock.sleep(0.3)
    before = gripper(driving)
    hand.position = hand.position + np.array([0.3, 0.0, 0.0])
    driving.clock.sleep(0.5)
    np.testing.assert_allclose(gripper(driving), before, atol=1e-4)
    assert driving.state.jumps == 1


def test_lost_and_late_messages_leave_the_motion_smooth(driven):
    driving, hand, _ = driven
    random = np.random.default_rng(0)
    lost = random.random(1000) < 0.05
    hand.loses = lambda i: lost[i] or i % 9 < 3  # bursts of 50 ms, too
    hand.held, hand.velocity = True, np.array([0.0, 0.15, 0.0])
    driving.clock.sleep(1.0)
    sent = []
    for _ in range(100):
        driving.clock.sleep(1 / RATE)
        sent.append(driving.loop.sent[0].item())
    steps = np.diff(sent)
    assert steps.mean() > 0
    assert steps.max() < 2.0 * steps.mean()
    assert steps.min() > 0.3 * steps.mean()


def test_a_fault_of_the_arm_ends_the_driving_and_is_told(driven):
    driving, hand, virtual = driven
    hand.held, hand.velocity = True, np.array([0.0, 0.1, 0.0])
    driving.clock.sleep(0.3)
    virtual.world.ask("suffer", ServoFault(7, "dead"))
    driving.clock.sleep(0.5)
    assert not driving.state.held
    assert "servo 7" in driving.state.fault
    before = driving.loop.sent.clone()
    driving.clock.sleep(0.3)
    torch.testing.assert_close(driving.loop.sent, before)
