"""Intervals and tables against numbers that were worked out by hand or by scipy."""

import numpy as np
import pytest
from scipy import stats

from experiments.report_curriculum import (
    comparison_rows,
    holm,
    last,
    mean_interval,
    paired,
    replaced,
    significant,
)


def row(method, seed, wide, episodes=6000):
    success = {
        f"success/{s}{x}": v
        for s in ("point", "near", "wide", "table")
        for x, v in (("", wide), ("/lo", wide - 0.1), ("/hi", wide + 0.1), ("/n", 512))
    }
    head = {"study": "comparison", "method": method, "seed": seed, "phi": "test"}
    return head | success | {"episodes": episodes}


ROWS = [
    *(row("curriculum", seed, wide) for seed, wide in enumerate((0.90, 0.92, 0.91))),
    *(row("reinforce", seed, wide) for seed, wide in enumerate((0.60, 0.62, 0.64))),
    *(row("from_scratch", seed, 0.0) for seed in range(3)),
]


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


def test_the_demonstrations_that_were_replaced_are_interpolated_on_a_log_scale():
    ours = [{**row("curriculum", seed, 0.8), "study": "table"} for seed in range(2)]

    def cloned(successes):
        return [
            {**row("cloning_table", 0, s), "study": "demonstrations", "demonstrations": n}
            for n, s in successes.items()
        ]

    assert "with about 64 " in replaced([*ours, *cloned({32: 0.7, 128: 0.9})])
    assert "does not get there with 128: 0.700" in replaced([*ours, *cloned({32: 0.6, 128: 0.7})])
    assert "with 32 already: 0.850" in replaced([*ours, *cloned({32: 0.85, 128: 0.9})])
    assert replaced(ours) == ""


def test_seeds_that_agree_by_chance_prove_nothing():
    def method(*rates):
        return [row("any", seed, rate) for seed, rate in enumerate(rates)]

    def p(one, other):
        return paired(method(*one), method(*other))[2]

    assert p((0.0, 0.0, 0.0), (0.01, 0.01, 0.01)) > 0.05
    assert p((0.0, 0.0, 0.0), (0.9, 0.9, 0.9)) < 1e-3
    # With more spread than that, it is the paired test itself, and its interval.
    apart = [0.5, 0.7, 0.9], [0.2, 0.35, 0.3]
    expected = stats.ttest_rel(*apart)
    mean, half, pvalue = paired(method(*apart[0]), method(*apart[1]))
    assert pvalue == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((low, high))
    # What seeds share does not count against a difference.
    assert p((0.5, 0.7, 0.9), (0.42, 0.6, 0.81)) < 0.05


def test_of_each_run_the_last_row_counts():
    early = row("curriculum", 0, 0.1, episodes=100)
    assert [r["success/wide"] for r in last([ROWS[0], early])] == [0.90]


def test_the_comparison_shows_means_and_who_is_better():
    assert "boundary expansion | 3 | 0.910 (0.878 to 0.942) | 0.900 0.920" in comparison_rows(ROWS)
    assert "boundary expansion | 1 | 0.900 | 0.900 |" in comparison_rows(ROWS[:1])
    pairs = significant(ROWS)
    assert "| boundary expansion | REINFORCE |" in pairs
    assert "| REINFORCE | DPPO from scratch |" in pairs
    assert significant(ROWS[:3]) == "Too few seeds to say."
    alike = significant([*ROWS[:3], *(row("reinforce", s, 0.9 + 0.01 * s) for s in range(3))])
    assert "boundary expansion |" not in alike
    assert "half an interval is" in alike
