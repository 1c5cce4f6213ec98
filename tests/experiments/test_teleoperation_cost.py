import pytest

from experiments.teleoperation_cost import BRIDGE, DROID, cost


def test_hours_count_driving_resets_and_attempts_thrown_away():
    total = cost(900, seconds=8.0, reset_s=10.0, failures=0.1, wage=20.0)
    assert total.hours == pytest.approx(1000 * 18 / 3600)
    assert total.money == pytest.approx(20 * total.hours)


def test_the_published_rates_give_the_published_totals():
    assert DROID.trajectories * DROID.seconds / 3600 == pytest.approx(350)
    assert BRIDGE.seconds == pytest.approx(7.5, abs=0.1)


@pytest.mark.parametrize("wrong", [{"failures": 1.0}, {"reset_s": -1.0}])
def test_assumptions_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"failures is|must not be negative"):
        cost(
            **{"demonstrations": 1, "seconds": 1.0, "reset_s": 1.0, "failures": 0.0, "wage": 1.0}
            | wrong
        )
