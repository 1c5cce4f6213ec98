import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot.arm_description import load_arm
from robot.arm_errors import RefusedCommandError
from robot.forward_kinematics import forward_kinematics
from robot.inverse_kinematics import InverseKinematics, top_down
from robot.safety import Guard, clip_command, load_safety

ARM = load_arm("viperx300s")
LOW, HIGH = torch.tensor(ARM.action_low), torch.tensor(ARM.action_high)
SPEED = torch.tensor(ARM.velocity_limit)
commands = st.lists(st.floats(-100, 100), min_size=7, max_size=7).map(torch.tensor)
fractions = st.lists(st.floats(0, 1), min_size=7, max_size=7).map(torch.tensor)


@given(commands, fractions, st.floats(0.01, 1.0))
def test_what_is_sent_is_within_limits_and_speed_and_within_reach_stays_as_it_is(
    command, fraction, period
):
    last = LOW + fraction * (HIGH - LOW)
    sent = clip_command(command, last, ARM, period)
    assert (sent >= LOW).all()
    assert (sent <= HIGH).all()
    assert ((sent - last).abs() <= SPEED * period + 1e-5).all()
    assert torch.equal(clip_command(sent, last, ARM, period), sent)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_command_that_is_not_finite_is_refused(bad):
    last = torch.tensor(ARM.home_command)
    command = last.clone()
    command[3] = bad
    with pytest.raises(ValueError, match="a command holds NaN or infinity"):
        clip_command(command, last, ARM, 0.1)


PERIOD = 0.1
HOME = torch.tensor(ARM.home_command)


def go(guard, target, last=HOME, steps=60):
    """All that is sent on the way to a target that is asked for again and again."""
    sent = [last]
    for _ in range(steps):
        way = (target - sent[-1]).clamp(-0.5, 0.5)
        sent.append(guard.allowed(sent[-1] + way, sent[-1], PERIOD))
    return torch.stack(sent)


@given(fractions, st.floats(0.02, 0.1))
def test_commanded_speeds_change_no_faster_than_they_may(fraction, period):
    guard = Guard(ARM)
    target = LOW + fraction * (HIGH - LOW)
    last, speed = HOME, torch.zeros(7)
    limit = torch.tensor(load_safety(ARM.name).acceleration_limit)
    for _ in range(5):
        asked = last + (target - last).clamp(-0.5, 0.5)
        sent = guard.allowed(asked, last, period)
        now = (sent - last) / period
        # What stops at a wall does so at once.
        slowed = now.abs() < speed.abs()
        assert (((now - speed).abs() <= limit * period + 1e-3) | slowed).all()
        last, speed = sent, now


def test_the_hand_stops_over_the_table():
    down = HOME.clone()
    down[1], down[2] = 1.2, 0.6
    guard = Guard(ARM)
    heights = [guard._shape.lowest(pose[:-1]) for pose in go(guard, down)]
    assert min(heights) >= -1e-6
    assert heights[-1] < 0.05  # as far as it may
    raised = Guard(ARM, table_height=0.05)
    assert min(raised._shape.lowest(p[:-1]) for p in go(raised, down)) >= 0.05 - 1e-6


def test_fingers_that_point_down_reach_below_the_grasp_point():
    shape, down = Guard(ARM)._shape, torch.tensor([0.0, 0.0, 0.0, 0.0, 1.5707963, 0.0])
    point, rotation = forward_kinematics(ARM, down)
    assert rotation[2, 0] == pytest.approx(-1.0, abs=1e-5)
    assert float(point[2]) - shape.lowest(down) == pytest.approx(0.012, abs=1e-3)


def test_it_does_not_go_into_itself():
    folded = HOME.clone()
    folded[1], folded[2], folded[4] = -1.8, 1.6, 2.2
    guard = Guard(ARM)
    way = go(guard, folded)
    clearances = [guard._shape.clearance(pose[:-1]) for pose in way]
    least = guard._shape.clearance(torch.tensor(ARM.sleep))
    assert min(clearances) >= least - 1e-6
    assert guard._shape.clearance(folded[:-1]) < least


def test_out_of_bounds_it_may_come_in_and_not_go_further_out():
    guard = Guard(ARM)
    low = torch.tensor([0.0, 1.2, -0.3, 0.0, 0.5, 0.0, 0.02])
    assert guard.depth(low) > 0
    assert guard.depth(torch.tensor([*ARM.sleep, 0.02])) <= 0
    back = go(guard, HOME, last=low)
    torch.testing.assert_close(back[-1], HOME, atol=1e-3, rtol=0)
    depths = [guard.depth(pose) for pose in back]
    assert max(depths) <= depths[0] + 1e-6


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_command_that_is_no_number_is_refused(bad):
    with pytest.raises(RefusedCommandError, match="NaN or infinity: refused"):
        Guard(ARM).allowed(torch.full((7,), bad), HOME, PERIOD)


def test_a_jump_is_refused_and_named():
    far = HOME.clone()
    far[4] -= 1.75
    with pytest.raises(RefusedCommandError, match=r"1\.75 from the last at wrist_angle, more than"):
        Guard(ARM).allowed(far, HOME, PERIOD)


def test_a_joint_that_is_at_home_is_free():
    assert Guard(ARM).depth(HOME) < 0


def test_an_arm_that_may_go_no_lower_may_still_close_its_fingers():
    guard = Guard(ARM)
    kinematics = InverseKinematics(ARM)
    low = top_down(np.array([0.35, 0.0, 0.005]), 0.0)
    joints = kinematics.solve(low, np.array(ARM.home))
    last = torch.tensor([*ARM.home, 0.08])
    there = torch.tensor([*joints.tolist(), 0.08])
    for _ in range(60):
        last = guard.allowed(there.clamp(last - 0.3, last + 0.3), last, 0.1)
    assert guard.limited == "surroundings"
    deeper = torch.tensor([*joints.tolist(), 0.0])
    for _ in range(20):
        last = guard.allowed(deeper.clamp(last - 0.3, last + 0.3), last, 0.1)
    assert guard.depth(last) <= 0
    assert float(last[-1]) == pytest.approx(0.0, abs=1e-3)
