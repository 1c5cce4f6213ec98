import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot.success_rate import SuccessRate, wilson_interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_the_literature(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_the_rates_that_a_score_test_just_rejects(counts):
    successes, n = counts
    z = 1.959963984540054
    for bound in wilson_interval(successes, n):
        if 0 < bound < 1:
            score = (successes / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert abs(score) == pytest.approx(z, rel=1e-6)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_rate_and_mirrors_with_it(counts):
    successes, n = counts
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson_interval(n - successes, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(ValueError, match="have no interval"):
        wilson_interval(successes, n)


def test_a_rate_is_logged_flat_with_its_interval():
    rate = SuccessRate.of(torch.tensor([True, False, True, True]))
    low, high = wilson_interval(3, 4)
    assert rate.metrics("success/near") == {
        "success/near": 0.75,
        "success/near/n": 4,
        "success/near/lo": low,
        "success/near/hi": high,
    }
