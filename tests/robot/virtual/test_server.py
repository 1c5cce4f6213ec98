"""A virtual arm behind its port and its line, in a thread."""

import time
from contextlib import contextmanager

import dynamixel_sdk as sdk
import pytest
import torch

from datamodules import PickBanana, Rollouts
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault, WireFault
from robot.virtual.served import served
from robot.virtual.world import VirtualWorld

PHI = torch.tensor([0.37, 0.0, 0.0])


@contextmanager
def opened(lockstep=True, **arguments):
    """A port that the SDK has opened, and a line."""
    with served(VirtualArm(**arguments), lockstep) as virtual:
        port = sdk.PortHandler(virtual.port)
        port.openPort()
        port.setBaudRate(1_000_000)
        try:
            yield port, virtual.world
        finally:
            port.closePort()


PACKETS = sdk.PacketHandler(2.0)


def position(port, servo):
    return PACKETS.read4ByteTxRx(port, servo, 132)


def test_time_goes_by_when_asked_for_and_servos_get_where_they_are_told():
    with opened() as (port, world):
        before = position(port, 1)[0]
        for register, value in ((116, before), (64, 1), (116, before + 200)):
            size = 1 if register == 64 else 4
            PACKETS.writeTxRx(port, 1, register, size, list(value.to_bytes(size, "little")))
        time.sleep(0.05)
        assert position(port, 1)[0] == before
        world.ask("advance", 1.0)
        assert position(port, 1)[0] == pytest.approx(before + 200, abs=5)


def test_time_goes_by_by_itself():
    with opened(lockstep=False) as (_, world):
        world.ask("pose", [0.0, -0.5, 0.5, 0.0, 0.5, 0.0], 0.05)
        arm = world.ask("world").joint_position[0, 1]
        time.sleep(0.5)  # without torque
        assert abs(world.ask("world").joint_position[0, 1] - arm) > 0.005


def test_things_are_put_on_the_table_and_the_truth_is_told():
    task = PickBanana("point", {"rollouts": Rollouts()})
    with opened(task=task) as (_, world):
        world.ask("reset", PHI)
        found = world.ask("world").object_position[0, 0]
        expected = task.place(PHI[None])[0, 0, :2]
        torch.testing.assert_close(found[:2], expected, atol=1e-4, rtol=0)
        assert world.ask("success") is False
        with pytest.raises(ValueError, match="2 task parameters are given and it has 3"):
            world.ask("reset", PHI[:2])


def test_a_dead_servo_is_silent_and_a_revived_one_answers():
    with opened() as (port, world):
        world.ask("suffer", ServoFault(4, "dead"))
        assert position(port, 4)[1] == sdk.COMM_RX_TIMEOUT
        world.ask("suffer", ServoFault(4, "revived"))
        assert position(port, 4)[1] == sdk.COMM_SUCCESS
        with pytest.raises(ValueError, match="no servo 12; there are 1, 2"):
            world.ask("suffer", ServoFault(12, "dead"))


@pytest.mark.parametrize("kind", ["overloaded", "overheated"])
def test_a_servo_that_lets_go_raises_the_alert(kind):
    with opened() as (port, world):
        PACKETS.write1ByteTxRx(port, 2, 64, 1)
        world.ask("suffer", ServoFault(2, kind))
        world.ask("advance", 0.01)
        assert position(port, 2)[2] == 0x80
        assert PACKETS.read1ByteTxRx(port, 2, 64)[0] == 0


def test_what_is_lost_or_flipped_on_the_wire_is_no_answer():
    for fault in (WireFault(dropped=0.3), WireFault(corrupted=0.3)):
        with opened() as (port, world):
            world.ask("suffer", fault)
            assert position(port, 1)[1] in (sdk.COMM_RX_TIMEOUT, sdk.COMM_RX_CORRUPT)


def test_a_late_answer_comes_late():
    with opened() as (port, world):
        world.ask("suffer", WireFault(late=0.02))
        begun = time.monotonic()
        assert position(port, 1)[1] == sdk.COMM_SUCCESS
        assert time.monotonic() - begun >= 0.02


def test_without_a_virtual_arm_there_is_no_line():
    with pytest.raises(FileNotFoundError, match="no virtual arm is on /dev/pts/none"):
        VirtualWorld("/dev/pts/none")
    with pytest.raises(ValueError, match="dropped is 2, it is a share"):
        WireFault(dropped=2)
