"""Intervals and p values against scipy, and against numbers worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from experiments.significance import holm, mean_interval, paired


def test_the_interval_over_seeds_is_students():
    values = [0.5, 0.6, 0.9]
    expected = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    mean, low, high = mean_interval(values, 512)
    assert mean == pytest.approx(np.mean(values))
    assert low == pytest.approx(max(0, expected[0]))
    assert high == pytest.approx(min(1, expected[1]))
    # No seed differs from another; 512 episodes each would not say so exactly.
    _, low, high = mean_interval([0.5, 0.5], 512)
    half = stats.t.ppf(0.975, 1) * np.sqrt(0.25 / 512) / np.sqrt(2)
    assert (low, high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_p_values_are_corrected_as_in_holms_paper():
    # By hand: 4 * 0.005, 3 * 0.01, then 2 * 0.03 and 1 * 0.04 no less than that.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_seeds_that_agree_by_chance_prove_nothing():
    def p(one, other):
        return paired(list(zip(one, other, strict=True)), 512)[2]

    assert p((0.0, 0.0, 0.0), (0.01, 0.01, 0.01)) > 0.05
    assert p((0.0, 0.0, 0.0), (0.9, 0.9, 0.9)) < 1e-3
    # With more spread than that, it is the paired test itself, and its interval.
    apart = [0.5, 0.7, 0.9], [0.2, 0.35, 0.3]
    expected = stats.ttest_rel(*apart)
    mean, half, pvalue = paired(list(zip(*apart, strict=True)), 512)
    assert pvalue == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((low, high))
    # What seeds share does not count against a difference.
    assert p((0.5, 0.7, 0.9), (0.42, 0.6, 0.81)) < 0.05
