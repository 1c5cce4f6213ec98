import pytest

from lightning_modules import Horizons


def test_the_defaults_execute_a_part_of_what_is_predicted():
    assert Horizons() == Horizons(observation=2, prediction=12, action=8)


@pytest.mark.parametrize("name", ["observation", "prediction", "action"])
def test_a_horizon_below_one_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} horizon is 0"):
        Horizons(**{name: 0})


def test_executing_more_than_is_predicted_is_refused():
    with pytest.raises(ValueError, match="action horizon 9 exceeds prediction horizon 8"):
        Horizons(prediction=8, action=9)
