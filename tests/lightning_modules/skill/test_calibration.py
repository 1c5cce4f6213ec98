"""A knob's value for a wanted success, found by bisection and measured afresh."""

import math

import pytest
import torch

from lightning_modules.skill import Setting, calibrate, nearest, on_the_line
from robot.success_rate import SuccessRate


def falling(value):
    """Success of a policy whose knob stands at a value."""
    return 1 / (1 + math.exp(4 * (value - 2)))


class Measured:
    """Success out of n attempts, and what was asked."""

    def __init__(self, rate, n=400):
        self.rate, self.n, self.asked = rate, n, []
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self, value, fresh):
        self.asked.append((value, fresh))
        won = torch.rand(self.n, generator=self.generator) < self.rate(value)
        return SuccessRate.of(won)


@pytest.mark.parametrize("target", [0.1, 0.25, 0.45, 0.65, 0.85])
def test_the_value_found_has_the_success_asked_for(target):
    measured = Measured(falling)
    found = calibrate(measured, 0.0, 5.0, target)
    assert found.reached
    assert falling(found.setting.value) == pytest.approx(target, abs=0.06)
    # Only the last measurement is a fresh one, and it is of the value found.
    assert [fresh for _, fresh in measured.asked] == [False] * len(found.tried) + [True]
    assert measured.asked[-1][0] == found.setting.value


def test_what_was_tried_before_is_not_tried_again():
    measured = Measured(falling)
    first = calibrate(measured, 0.0, 5.0, 0.65)
    alone = Measured(falling)
    calibrate(alone, 0.0, 5.0, 0.25)
    found = calibrate(measured, 0.0, 5.0, 0.25, known=first.tried)
    assert found.reached
    values = [value for value, fresh in measured.asked if not fresh]
    assert len(values) == len(set(values)) == len(found.tried)
    assert len(found.tried) - len(first.tried) < len(alone.asked) - 1


def test_a_line_through_what_was_tried_is_less_by_chance_than_the_nearest():
    errors = {nearest: 0.0, on_the_line: 0.0}
    for seed in range(40):
        measured = Measured(falling)
        measured.generator.manual_seed(seed)
        tried = ()
        for target in (0.85, 0.65, 0.45, 0.25, 0.1):
            tried = calibrate(measured, 0.0, 5.0, target, known=tried).tried
        for choose in errors:
            errors[choose] += (falling(choose(tried, 0.45)) - 0.45) ** 2
    assert errors[on_the_line] < 0.5 * errors[nearest]


def test_where_nothing_else_was_near_the_nearest_is_taken():
    rates = {0.0: 1.0, 1.0: 0.5, 2.0: 0.0}
    tried = [Setting(v, SuccessRate.of(torch.arange(100) < 100 * r)) for v, r in rates.items()]
    assert on_the_line(tried, 0.45) == 1.0
    assert on_the_line(tried, 0.9) == 0.0


def test_what_lies_far_beyond_does_not_bend_the_line():
    """Where nothing succeeds, a value says nothing, however far it is."""
    rates = {1.0: 0.4, 2.0: 0.3, 3.0: 0.2, 4.0: 0.1, 5.0: 0.05, 6.0: 0.0, 50.0: 0.0, 400.0: 0.0}
    tried = [Setting(v, SuccessRate.of(torch.arange(400) < 400 * r)) for v, r in rates.items()]
    assert on_the_line(tried, 0.25) == pytest.approx(2.5, abs=0.3)


def test_a_knob_may_go_down():
    found = calibrate(Measured(lambda v: v), 1.0, 0.0, 0.25)
    assert found.reached
    assert found.setting.value == pytest.approx(0.25, abs=0.06)


def test_what_no_value_brings_is_said_not_to_be_reached():
    cliff = calibrate(Measured(lambda v: float(v < 2)), 0.0, 5.0, 0.45)
    assert not cliff.reached
    whole = calibrate(Measured(lambda v: falling(v)), 0, 5, 0.3, whole=True)
    assert all(s.value.is_integer() for s in whole.tried)
    assert len(whole.tried) == len({s.value for s in whole.tried})
    assert not whole.reached


def test_a_target_that_is_no_rate_is_refused():
    with pytest.raises(ValueError, match=r"target is 1\.5"):
        calibrate(Measured(falling), 0.0, 5.0, 1.5)
