import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot.arm_description import load_arm
from robot.safety import clip_command

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
