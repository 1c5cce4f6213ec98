import math

import pytest

from robot.teleop.one_euro import OneEuroFilter


def follow(low_pass, values, period):
    """Values filtered, from the first of them on."""
    filtered, last, kept = values[0], values[0], []
    for value in values:
        filtered += low_pass.share(abs(value - last), period) * (value - filtered)
        last = value
        kept.append(filtered)
    return kept


def test_without_speed_it_is_a_low_pass_of_its_least_cutoff():
    period, cutoff = 0.001, 2.0
    found = follow(OneEuroFilter(cutoff, 0.0), [0.0] + [1.0] * 500, period)
    for steps in (40, 80, 240):  # 1 - exp(-2 pi f t), but for the step's length
        expected = 1 - math.exp(-2 * math.pi * cutoff * steps * period)
        assert found[steps] == pytest.approx(expected, abs=0.01)


def test_what_moves_faster_is_followed_more_closely():
    period = 0.01
    lag = []
    for speed in (0.05, 0.5):
        values = [speed * i * period for i in range(300)]
        lag.append((values[-1] - follow(OneEuroFilter(1.0, 7.0), values, period)[-1]) / speed)
    assert lag[0] > 2 * lag[1]  # s behind
    assert lag[1] < 0.05


def test_a_trembling_hand_is_held_still():
    values = [0.002 * (-1) ** i for i in range(400)]
    kept = follow(OneEuroFilter(1.0, 7.0), values, 1 / 60)
    assert max(map(abs, kept[100:])) < 0.0008
