"""The statistics that the registration asks for."""

import numpy as np
import pytest

from experiments.report_degradation import (
    LAST,
    arm_rows,
    bootstrap,
    comparisons,
    interquartile_mean,
    paired,
)


def runs(arm, values, **more):
    rest = {f"adaptation/success/shot_{h}": 0.2 for h in range(1, 6)}
    rest |= {"adaptation/hazard/shot_2": 0.1, "adaptation/kept/shot_6": 0.9, "data/leak": -0.2}
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
    assert "| 0.300 | 1 (4) | 0.10 | 0.90 | -0.20 |" in arm_rows(rows)
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
