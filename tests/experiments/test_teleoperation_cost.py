import pytest

from experiments.teleoperation_cost import BRIDGE, DROID, Assumptions, table


def test_hours_count_driving_resets_and_attempts_thrown_away():
    total = Assumptions(reset_s=10.0, failures=0.1, wage=20.0).cost(900, seconds=8.0)
    assert total.hours == pytest.approx(1000 * 18 / 3600)
    assert total.money == pytest.approx(20 * total.hours)


def test_the_published_rates_give_the_published_totals():
    assert DROID.trajectories * DROID.seconds / 3600 == pytest.approx(350)
    assert BRIDGE.seconds == pytest.approx(7.5, abs=0.1)


def test_the_table_shows_what_is_asked_for_beside_what_was_published():
    lines = table([("ours", 900)], 8.0, Assumptions(10.0, 0.1, 20.0)).splitlines()
    assert lines[2] == "| ours | 900 | 8.0 | 5.0 | 100 |  |"
    assert [line.split(" | ")[0] for line in lines[3:]] == [
        "| BridgeData V2",
        "| DROID",
        "| Open X-Embodiment",
    ]


@pytest.mark.parametrize("wrong", [{"failures": 1.0}, {"reset_s": -1.0}, {"wage": -1.0}])
def test_assumptions_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"failures is|must not be negative"):
        Assumptions(**wrong)
    with pytest.raises(ValueError, match="demonstrations is -1"):
        Assumptions().cost(-1, 8.0)
