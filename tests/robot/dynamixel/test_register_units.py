"""What registers' numbers mean, against the units that the SDK ships."""

import pytest

from robot.dynamixel.control_table import TABLES
from robot.dynamixel.register_units import CENTER, SPEED, TICK


@pytest.mark.parametrize("model", ["xm540_w270", "xm430_w350", "xl430_w250"])
def test_positions_and_speeds_are_those_of_the_sdk(model):
    text = (TABLES / f"{model}.model").read_text()
    rows = [line.split("\t") for line in text.splitlines()]
    said = {row[0]: row[1] for row in rows if len(row) > 1}
    zero, most = (int(said[f"value_of_{n}_radian_position"]) for n in ("zero", "max"))
    assert zero == CENTER
    # The largest is a tick short of a half turn.
    assert (most + 1 - zero) * TICK == pytest.approx(float(said["max_radian"]))
    # Theirs is 0.22888 rpm, the documentation's 0.229.
    assert pytest.approx(float(said["Present Velocity"]), rel=1e-3) == SPEED
