"""Control tables against the addresses of the public documentation of the X series."""

import pytest

from robot.dynamixel.control_table import READ_ONLY, SIGNED, control_table, model_numbers

# https://emanual.robotis.com/docs/en/dxl/x/xm540-w270/, "Control Table of EEPROM/RAM Area".
DOCUMENTED = {
    "ID": (7, 1),
    "Baud Rate": (8, 1),
    "Return Delay Time": (9, 1),
    "Drive Mode": (10, 1),
    "Operating Mode": (11, 1),
    "Secondary(Shadow) ID": (12, 1),
    "Homing Offset": (20, 4),
    "Temperature Limit": (31, 1),
    "PWM Limit": (36, 2),
    "Current Limit": (38, 2),
    "Velocity Limit": (44, 4),
    "Max Position Limit": (48, 4),
    "Min Position Limit": (52, 4),
    "Shutdown": (63, 1),
    "Torque Enable": (64, 1),
    "Hardware Error Status": (70, 1),
    "Position P Gain": (84, 2),
    "Bus Watchdog": (98, 1),
    "Goal Current": (102, 2),
    "Profile Acceleration": (108, 4),
    "Profile Velocity": (112, 4),
    "Goal Position": (116, 4),
    "Present Current": (126, 2),
    "Present Velocity": (128, 4),
    "Present Position": (132, 4),
    "Present Input Voltage": (144, 2),
    "Present Temperature": (146, 1),
}


@pytest.mark.parametrize("model", ["xm540_w270", "xm430_w350"])
def test_registers_are_where_the_documentation_has_them(model):
    table = control_table(model)
    assert {name: (table[name].address, table[name].size) for name in DOCUMENTED} == DOCUMENTED


def test_servos_answer_with_their_documented_numbers():
    numbers = model_numbers()
    assert (numbers["xm540_w270"], numbers["xm430_w350"], numbers["xl430_w250"]) == (
        1120,
        1020,
        1060,
    )
    assert control_table("xm430_w350").number == 1020


def test_what_is_said_of_registers_is_said_of_registers_that_there_are():
    known = {name for model in ("xm540_w270", "xl430_w250") for name in control_table(model)}
    assert known >= SIGNED
    assert known >= READ_ONLY


def test_numbers_come_back_and_those_that_do_not_fit_are_refused():
    table = control_table("xm540_w270")
    position, current = table["Present Position"], table["Current Limit"]
    assert position.encode(-1) == b"\xff\xff\xff\xff"
    assert position.decode(position.encode(-123456)) == -123456
    assert current.decode(b"\xff\xff") == 65535
    with pytest.raises(ValueError, match="Current Limit is 70000, more than 2 bytes hold"):
        current.encode(70000)
    with pytest.raises(ValueError, match="Current Limit is -1"):
        current.encode(-1)


def test_an_unknown_model_or_register_is_named():
    with pytest.raises(ValueError, match=r"unknown servo 'xm999'; there are .*xm540_w270"):
        control_table("xm999")
    with pytest.raises(KeyError, match="a xl430_w250 has no register 'Current Limit'"):
        control_table("xl430_w250")["Current Limit"]
