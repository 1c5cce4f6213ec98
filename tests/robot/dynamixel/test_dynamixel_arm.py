"""A driven arm: what it checks before anything moves, how it moves, what it notices."""

import pytest
import torch

from robot.arm_errors import BusError, ServoError
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault, WireFault
from robot.virtual.served import served

START = [0.1, -0.5, 0.6, 0.0, 0.7, -0.2]


@pytest.fixture
def virtual():
    with served(VirtualArm()) as found:
        found.world.ask("pose", START, 0.05)
        yield found


@pytest.fixture
def arm(virtual):
    arm = virtual.driver()
    yield arm
    arm.close()


def wait(virtual, arm, seconds):
    """As a loop would: asks fifty times a second."""
    for _ in range(round(seconds * 50)):
        virtual.clock.sleep(0.02)
        state = arm.read()
    return state


def test_it_says_where_it_is_and_stays_there_when_torque_comes_on(virtual, arm):
    arm.connect()
    state = arm.read()
    torch.testing.assert_close(state.position, torch.tensor([*START, 0.05]), atol=2e-3, rtol=0)
    later = wait(virtual, arm, 1.0)
    torch.testing.assert_close(later.position, state.position, atol=0.01, rtol=0)
    assert later.velocity.abs().max() < 0.05


def test_it_goes_where_it_is_told_and_says_what_was_sent(virtual, arm):
    arm.connect()
    target = torch.tensor([0.3, -0.4, 0.5, 0.1, 0.8, 0.0, 0.03])
    sent = arm.command(target)
    torch.testing.assert_close(sent, target, atol=2e-3, rtol=0)
    state = wait(virtual, arm, 1.5)
    torch.testing.assert_close(state.position, target, atol=0.015, rtol=0)
    truth = virtual.world.ask("world")
    torch.testing.assert_close(state.position[:-1], truth.joint_position[0], atol=2e-3, rtol=0)
    far = arm.command(torch.tensor([0.3, 9.0, 0.5, 0.1, 0.8, 0.0, 1.0]))
    assert far[1] == pytest.approx(1.2563, abs=1e-3)  # its servo's limit
    assert far[-1] == pytest.approx(0.089, abs=1e-3)


def test_settings_that_differ_are_written_and_others_are_not(virtual, arm):
    arm.connect()
    arm.close()
    writes = []
    arm.bus.write = lambda servo, name, value, write=arm.bus.write: (
        writes.append((servo, name)),
        write(servo, name, value),
    )
    arm.connect()
    eeprom = {"Drive Mode", "Operating Mode", "Velocity Limit", "Return Delay Time"}
    assert not [name for _, name in writes if name in eeprom]
    assert arm.bus.read(2, "Drive Mode") == 1
    assert arm.bus.read(9, "Operating Mode") == 5


def test_a_wrong_setting_under_torque_is_refused(virtual, arm):
    arm.connect()
    arm.bus.write(1, "Torque Enable", 0)
    arm.bus.write(1, "Velocity Limit", 500)
    other = virtual.driver()
    arm.bus.close()
    with pytest.raises(
        ServoError, match="servo 1: Velocity Limit is 500, it should be 131, and ca"
    ):
        other.connect()
    other.bus.close()


def test_a_servo_that_is_missing_or_of_another_model_is_named(virtual, arm):
    virtual.world.ask("suffer", ServoFault(6, "dead"))
    with pytest.raises(BusError, match=r"servo 6 \(forearm_roll\) does not answer"):
        arm.connect()
    virtual.world.ask("suffer", ServoFault(6, "revived"))
    arm.bus.close()
    arm.bus.tables[8] = arm.bus.tables[1]
    with pytest.raises(ServoError, match=r"servo 8 \(wrist_rotate\) is of model 1020, a"):
        arm.connect()


def test_a_joint_beyond_its_limits_is_to_be_moved_back_by_hand(virtual, arm):
    virtual.world.ask("pose", [0.0, -1.95, 1.55, 0.0, 0.8, 0.0], 0.05)
    with pytest.raises(
        ServoError, match=r"servo 2 \(shoulder\) is at 7\d\d, beyond its limits 841"
    ):
        arm.connect()


def test_one_of_two_servos_may_be_silent_for_a_moment_and_is_named_after_it(virtual, arm):
    arm.connect()
    virtual.world.ask("suffer", ServoFault(2, "dead"))
    state = wait(virtual, arm, 0.04)
    assert state.position[1] == pytest.approx(START[1], abs=0.02)
    assert set(arm.missing) == {2}
    with pytest.raises(ServoError, match=r"servo 2 \(shoulder\) does not answer: the other one"):
        wait(virtual, arm, 0.1)


def test_a_joint_without_any_servo_is_named_at_once(virtual, arm):
    arm.connect()
    for servo in (2, 3):
        virtual.world.ask("suffer", ServoFault(servo, "dead"))
    with pytest.raises(BusError, match=r"servo 2 \(shoulder\) does not answer"):
        wait(virtual, arm, 0.02)


@pytest.mark.parametrize(
    ("kind", "said"), [("overheated", "overheating"), ("overloaded", "overload")]
)
def test_an_error_of_a_servo_is_said_at_the_next_measurement(virtual, arm, kind, said):
    arm.connect()
    virtual.world.ask("suffer", ServoFault(7, kind))
    virtual.clock.sleep(0.02)
    with pytest.raises(ServoError, match=rf"servo 7 \(wrist_angle\) reports {said}"):
        arm.read()


def test_a_measurement_that_comes_a_cycle_late_is_dropped(virtual, arm):
    arm.connect()
    wait(virtual, arm, 0.2)
    found = arm.bus.sync_read([1], "Realtime Tick", "Present Position")[1]
    assert arm._is_fresh(1, found, virtual.clock.now())
    assert not arm._is_fresh(1, found, virtual.clock.now() + 0.04)
    # The servo's clock begins anew every 32.768 s, which is no reason.
    virtual.clock.sleep(40.0)
    found = arm.bus.sync_read([1], "Realtime Tick", "Present Position")[1]
    assert arm._is_fresh(1, found, virtual.clock.now())


def test_on_a_bad_wire_positions_are_right_or_missing(virtual, arm):
    arm.connect()
    truth = arm.read().position
    virtual.world.ask("suffer", WireFault(corrupted=0.002))
    measured = 0
    for _ in range(60):
        try:
            state = arm.read()
        except BusError:
            continue
        torch.testing.assert_close(state.position, truth, atol=3e-3, rtol=0)
        measured += 1
    assert measured > 20


def test_when_nothing_is_heard_of_the_host_servos_stop_within_their_watchdog(virtual, arm):
    arm.connect()
    arm.command(torch.tensor([2.0, *START[1:], 0.05]))
    arm.bus.write(1, "Goal Position", 2048)  # a long way, slowly
    arm.bus.write(1, "Profile Velocity", 5)
    arm.bus.write(1, "Goal Position", 3500)
    virtual.clock.sleep(0.3)  # killed
    stopped = virtual.world.ask("world").joint_position[0, 0]
    virtual.clock.sleep(0.5)
    assert virtual.world.ask("world").joint_position[0, 0] == pytest.approx(
        float(stopped), abs=1e-3
    )
    assert arm.bus.read(1, "Bus Watchdog") == 0xFF


def test_letting_go_switches_torque_off_even_on_a_bus_that_answers_nothing(virtual, arm):
    arm.connect()
    virtual.world.ask("suffer", WireFault(dropped=1.0))
    arm.close()
    arm.close()
    virtual.world.ask("suffer", WireFault())
    arm.bus.open()
    assert [arm.bus.read(i, "Torque Enable") for i in range(1, 10)] == [0] * 9


def test_another_arm_is_another_file():
    with served(VirtualArm(arm="widowx250s")) as virtual:
        arm = virtual.driver("widowx250s")
        virtual.world.ask("pose", arm.description.home, 0.03)
        arm.connect()
        target = torch.tensor([0.2, *arm.description.home[1:], 0.02])
        torch.testing.assert_close(arm.command(target), target, atol=2e-3, rtol=0)
        state = wait(virtual, arm, 1.0)
        torch.testing.assert_close(state.position, target, atol=0.02, rtol=0)
        arm.close()
