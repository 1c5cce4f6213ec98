"""The statistics that the registration asks for."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from experiments.report_degradation import (
    LAST,
    arm_rows,
    between,
    bootstrap,
    comparisons,
    interquartile_mean,
    measures,
    paired,
)


def runs(arm, values, **more):
    rest = {f"adaptation/success/shot_{h}": 0.2 for h in range(1, 6)}
    rest |= {f"adaptation/hazard/shot_{h}": 0.1 for h in range(1, 7)}
    rest |= {"adaptation/kept/shot_6": 0.9, "data/leak": -0.2, LAST + "/n": 512}
    rest |= {"temperature": 1.0, "as_cold_as_the_skill/" + LAST: 0.3}
    return [{"method": arm, "seed": i, LAST: v, **rest, **more} for i, v in enumerate(values)]


def test_extremes_do_not_count():
    values = np.array([0.0, 0.4, 0.5, 0.6, 0.5, 0.4, 0.6, 1.0])
    assert interquartile_mean(values) == pytest.approx(0.5)
    low, high = bootstrap(values)
    assert 0.3 < low < 0.5 < high < 0.75


def test_what_seeds_share_does_not_widen_a_difference():
    spread = np.linspace(0.2, 0.8, 10)
    one, other = runs("a", spread + 0.05), runs("b", spread)
    arms = ({row["seed"]: row for row in rows} for rows in (one, other))
    difference, low, high, share = paired(*arms, level=0.95)
    assert difference == pytest.approx(0.05)
    assert 0.049 < low <= high < 0.051
    assert share == 1.0


def test_dropped_and_missing_arms_are_said_to_be():
    rows = [*runs("temperature", [0.5] * 4), *runs("stride", [0.0] * 4, dropped=True)]
    assert "| stride | dropped: 4 of 4 seeds miss a level |" in arm_rows(rows)
    assert "| temperature | 4 | 0.200 |" in arm_rows(rows)
    # Mean over the shots (5 * .2 + .5) / 6, found 1 - .9 ** 6.
    assert "| 0.300 | 1 (4) | 0.25 | 0.47 | 0.90 | -0.20 |" in arm_rows(rows)
    text = comparisons(rows, [("temperature", "stride"), ("temperature", "ou_noise")], 0.95)
    assert "no stride" in text
    assert "no ou_noise" in text


def test_an_arm_that_misses_a_level_once_is_compared_where_it_does_not_and_said_to_be_dropped():
    other = runs("ou_noise", [0.7] * 5)
    other[3] |= {"dropped": True}
    del other[3][LAST]
    text = comparisons(
        [*runs("temperature", [0.5] * 5), *other], [("temperature", "ou_noise")], 0.9
    )
    assert "| temperature | ou_noise (dropped; 4 seeds) | -0.200 |" in text


def test_what_a_difference_is_made_of():
    """More found and less kept, which cancel at the last shot."""
    more = {f"adaptation/hazard/shot_{h}": 0.2 for h in range(1, 7)}
    values = np.linspace(0.4, 0.6, 10)
    rows = [
        *runs("temperature", values, **more, **{"adaptation/kept/shot_6": 0.7}),
        *runs("ou_noise", values),
    ]
    text = measures(rows, [("temperature", "ou_noise")])
    assert f"found by shot 6 | {0.9**6 - 0.8**6:+.3f} |" in text
    assert "kept at shot 6 | -0.200 |" in text
    assert "success at shot 6 | +0.000 |" in text
    assert "mean over the shots | +0.000 |" in text


def test_few_seeds_have_students_interval():
    """Of three numbers, resampling would give an interval that holds three times in four."""
    rows = runs("temperature", [0.4, 0.5, 0.6])
    low, high = between({row["seed"]: row for row in rows}).split(" to ")
    assert float(high) - float(low) == pytest.approx(2 * 4.303 * 0.1 / 3**0.5, abs=0.002)
    other = runs("iid_noise", [0.3, 0.45, 0.6])
    text = comparisons([*rows, *other], [("temperature", "iid_noise")], 0.95)
    assert "| +0.050 | -0.074 to +0.174 |" in text


def test_what_a_difference_of_few_seeds_is_made_of_has_students_interval():
    one, other = [0.6, 0.4, 0.7], [0.3, 0.3, 0.3]
    rows = [*runs("a", one), *runs("b", other)]
    line = next(li for li in measures(rows, [("a", "b")]).splitlines() if "success at" in li)
    low, high = ttest_rel(one, other).confidence_interval(0.95)
    assert f"| +0.267 | {low:+.3f} to {high:+.3f} | 100% of 3 |" in line
