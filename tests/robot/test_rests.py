"""Arms that work by themselves rest in time, and go on."""

import math

import pytest

from robot.rests import Rests

RESTS = Rests(margin=8, cooling=10, work=600, rest=120)


@pytest.mark.parametrize(
    ("degrees", "worked", "why"),
    [
        (40, 100, ""),
        (math.nan, 100, ""),
        (57, 100, "a servo is at 57 degrees, 65 are the most"),
        (40, 600, "it has worked for 10 minutes"),
    ],
)
def test_it_rests_before_it_is_too_hot_and_after_so_long(degrees, worked, why):
    assert RESTS.why(degrees, 65, worked) == why


@pytest.mark.parametrize(
    ("degrees", "worked", "rested", "over"),
    [
        (46, 100, 1, True),  # it was hot
        (48, 100, 1000, False),
        (46, 600, 1, False),  # it has worked long
        (46, 600, 120, True),
        (48, 600, 120, False),  # both
    ],
)
def test_it_goes_on_when_it_is_cool_and_has_rested(degrees, worked, rested, over):
    assert RESTS.over(degrees, 65, worked, rested) is over


def test_a_rest_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"rest of an arm's rests is 0, not above 0"):
        Rests(rest=0)
