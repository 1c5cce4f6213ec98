"""What a servo refuses, how it moves, and how it looks after itself."""

import itertools
import math

import pytest

from robot.dynamixel.packet import Error, HardwareError
from robot.dynamixel.register_units import TICK, TRIPPED
from robot.virtual.servo import VirtualServo

MODEL = "xm540_w270"


def write(servo, name, value):
    register = servo.table[name]
    return servo.write(register.address, register.encode(value))


def read(servo, name):
    register = servo.table[name]
    return register.decode(servo.read(register.address, register.size)[1])


@pytest.fixture
def servo():
    return VirtualServo(MODEL, 1)


def follow(servo, seconds, dt=0.005):
    """A shaft that is always where it is pulled to; the angles it goes through."""
    way = []
    for _ in range(round(seconds / dt)):
        servo.advance(dt)
        if servo.drive:
            servo.shaft.velocity = (servo.drive.target - servo.shaft.position) / dt
            servo.shaft.position = servo.drive.target
        way.append(servo.shaft.position)
    return way


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("Present Position", 0, Error.ACCESS),
        ("ID", 253, Error.DATA_RANGE),
        ("Operating Mode", 2, Error.DATA_RANGE),
        ("Goal Position", 4096, Error.DATA_LIMIT),
        ("Goal Current", 2048, Error.DATA_LIMIT),
        ("Bus Watchdog", 128, Error.DATA_RANGE),
        ("Torque Enable", 1, Error.NONE),
    ],
)
def test_a_write_is_answered_as_documented(servo, name, value, error):
    before = read(servo, name)
    assert write(servo, name, value) is error
    assert read(servo, name) == (value if error is Error.NONE else before)


def test_the_eeprom_is_locked_while_torque_is_on(servo):
    write(servo, "Torque Enable", 1)
    assert write(servo, "Homing Offset", 5) is Error.ACCESS
    write(servo, "Torque Enable", 0)
    assert write(servo, "Homing Offset", 5) is Error.NONE


def test_a_write_is_whole_registers_or_nothing(servo):
    goal = servo.table["Goal Position"]
    assert servo.write(goal.address, b"\x00\x08") is Error.DATA_LENGTH
    assert servo.write(goal.address + 1, b"\x00") is Error.ACCESS  # the middle of one
    accelerate = servo.table["Profile Acceleration"]
    # Acceleration, velocity and goal follow each other; the last is out of its limits.
    data = b"".join(n.to_bytes(4, "little") for n in (10, 20, 5000))
    assert servo.write(accelerate.address, data) is Error.DATA_LIMIT
    assert servo.get("Profile Acceleration") == 0
    data = b"".join(n.to_bytes(4, "little") for n in (10, 20, 3000))
    assert servo.write(accelerate.address, data) is Error.NONE
    assert [servo.get(n) for n in ("Profile Velocity", "Goal Position")] == [20, 3000]


def test_it_goes_to_its_goal_and_says_where_it_is(servo):
    write(servo, "Torque Enable", 1)
    write(servo, "Goal Position", 2048 + 512)
    follow(servo, 0.1)
    assert servo.shaft.position == pytest.approx(math.pi / 4)
    assert read(servo, "Present Position") == 2560


def test_a_reversed_servo_turns_the_other_way_and_homing_shifts_what_is_reported(servo):
    write(servo, "Drive Mode", 1)
    write(servo, "Homing Offset", 100)
    write(servo, "Torque Enable", 1)
    write(servo, "Goal Position", 2048 + 100 + 512)
    follow(servo, 0.1)
    assert servo.shaft.position == pytest.approx(-math.pi / 4)
    assert read(servo, "Present Position") == 2660


def test_a_profile_by_time_takes_that_time_and_ends_at_rest(servo):
    write(servo, "Drive Mode", 4)
    write(servo, "Torque Enable", 1)
    write(servo, "Profile Acceleration", 100)
    write(servo, "Profile Velocity", 400)
    write(servo, "Goal Position", 2048 + 1000)
    way = follow(servo, 0.5)
    steps = [b - a for a, b in itertools.pairwise(way)]
    assert way[79] == pytest.approx(1000 * TICK)
    assert way[77] < 1000 * TICK * 0.999
    assert max(steps) == pytest.approx(1000 * TICK / 0.3 * 0.005, rel=0.01)  # top speed
    assert steps[0] < max(steps) / 10
    assert steps[77] < max(steps) / 10


def test_a_profile_by_speed_keeps_it(servo):
    write(servo, "Torque Enable", 1)
    write(servo, "Profile Velocity", 50)  # 11.45 rpm
    write(servo, "Goal Position", 4000)
    way = follow(servo, 0.5)
    assert way[-1] == pytest.approx(0.5 * 50 * 0.229 * 2 * math.pi / 60, rel=0.01)


def test_a_silent_bus_stops_it_and_goals_are_refused_until_that_is_cleared(servo):
    write(servo, "Torque Enable", 1)
    write(servo, "Bus Watchdog", 5)  # 100 ms
    write(servo, "Profile Velocity", 50)
    write(servo, "Goal Position", 4000)
    servo.heard()
    way = follow(servo, 0.3)
    assert servo.get("Bus Watchdog") == TRIPPED
    assert way[-1] == pytest.approx(way[20], abs=0.01)  # stopped after 100 ms
    assert write(servo, "Goal Position", 2048) is Error.DATA_RANGE
    assert write(servo, "Bus Watchdog", 0) is Error.NONE
    assert write(servo, "Goal Position", 2048) is Error.NONE


def test_a_strained_servo_lets_go_and_stays_so_until_it_is_rebooted(servo):
    write(servo, "Torque Enable", 1)
    servo.shaft.torque = 10.0
    for _ in range(500):
        servo.advance(0.005)
    assert servo.get("Hardware Error Status") == HardwareError.OVERLOAD
    assert servo.drive is None
    servo.shaft.torque = 0.0
    write(servo, "Torque Enable", 1)
    assert servo.drive is None
    servo.reboot()
    write(servo, "Torque Enable", 1)
    assert servo.drive is not None


def test_work_warms_it_and_heat_switches_it_off(servo):
    write(servo, "Torque Enable", 1)
    servo.shaft.torque = 6.0
    for _ in range(1000):
        servo.advance(0.6)
    warm = read(servo, "Present Temperature")
    assert 40 < warm < 80
    assert servo.drive is not None
    servo.heat = 60.0
    servo.advance(0.005)
    assert servo.get("Hardware Error Status") == HardwareError.OVERHEATING
    assert servo.drive is None


def test_current_limits_torque_only_in_the_mode_that_is_based_on_it(servo):
    write(servo, "Goal Current", 100)
    write(servo, "Torque Enable", 1)
    assert servo.drive.torque == pytest.approx(10.6)
    write(servo, "Torque Enable", 0)
    write(servo, "Operating Mode", 5)
    write(servo, "Torque Enable", 1)
    assert servo.drive.torque == pytest.approx(10.6 * 0.269 / 4.4)


def test_without_power_it_does_nothing_and_comes_back_without_torque(servo):
    write(servo, "Torque Enable", 1)
    servo.powered = False
    assert servo.drive is None
    assert not servo.answers_to(1)
    servo.powered = True
    servo.reboot()
    assert servo.drive is None
    assert servo.answers_to(1)
