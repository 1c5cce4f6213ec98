"""The virtual bus as the unmodified SDK sees it, through a pseudo-terminal."""

import threading

import dynamixel_sdk as sdk
import pytest

from robot.dynamixel.packet import BROADCAST, Instruction, Packet, PacketParser
from robot.virtual.bus import VirtualBus
from robot.virtual.port import VirtualPort
from robot.virtual.servo import VirtualServo

GOAL, PRESENT, TORQUE = 116, 132, 64


def three():
    bus = VirtualBus([VirtualServo("xm540_w270", i) for i in (1, 2, 3)])
    bus.servos[2].set("Secondary(Shadow) ID", 2)
    return bus


@pytest.fixture
def wired():
    """The bus, and the SDK's end of its port."""
    bus, port = three(), VirtualPort()
    going = threading.Event()
    going.set()

    def serve():
        while going.is_set():
            port.serve(bus.feed, 0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    handler = sdk.PortHandler(port.path)
    handler.openPort()
    handler.setBaudRate(1_000_000)
    yield bus, handler, sdk.PacketHandler(2.0)
    handler.closePort()
    going.clear()
    thread.join()
    port.close()


def test_the_sdk_finds_pings_reads_and_writes(wired):
    _, port, packets = wired
    assert packets.ping(port, 1) == (1120, sdk.COMM_SUCCESS, 0)
    assert packets.ping(port, 9)[1] == sdk.COMM_RX_TIMEOUT
    assert packets.write4ByteTxRx(port, 1, GOAL, 3000) == (sdk.COMM_SUCCESS, 0)
    assert packets.read4ByteTxRx(port, 1, GOAL) == (3000, sdk.COMM_SUCCESS, 0)
    assert packets.write4ByteTxRx(port, 1, GOAL, 5000) == (sdk.COMM_SUCCESS, 6)
    found, result = packets.broadcastPing(port)
    assert (found, result) == ({i: [1120, 45] for i in (1, 2, 3)}, sdk.COMM_SUCCESS)


def test_groups_are_read_and_written_at_once(wired):
    bus, port, packets = wired
    write = sdk.GroupSyncWrite(port, packets, GOAL, 4)
    read = sdk.GroupSyncRead(port, packets, GOAL, 4)
    for servo in (1, 2):
        write.addParam(servo, (1000 * servo).to_bytes(4, "little"))
        read.addParam(servo)
    assert write.txPacket() == sdk.COMM_SUCCESS
    assert read.txRxPacket() == sdk.COMM_SUCCESS
    assert [read.getData(s, GOAL, 4) for s in (1, 2)] == [1000, 2000]
    assert read.fastSyncRead() == sdk.COMM_SUCCESS
    assert [read.getData(s, GOAL, 4) for s in (1, 2)] == [1000, 2000]
    assert bus.servos[2].get("Goal Position") == 2000  # shadows the second


def test_bulk_reads_and_writes_differ_by_servo(wired):
    _, port, packets = wired
    write = sdk.GroupBulkWrite(port, packets)
    write.addParam(1, GOAL, 4, (1500).to_bytes(4, "little"))
    write.addParam(2, 65, 1, b"\x01")
    assert write.txPacket() == sdk.COMM_SUCCESS
    read = sdk.GroupBulkRead(port, packets)
    read.addParam(1, GOAL, 4)
    read.addParam(2, 65, 1)
    assert read.txRxPacket() == sdk.COMM_SUCCESS
    assert (read.getData(1, GOAL, 4), read.getData(2, 65, 1)) == (1500, 1)


def test_what_is_registered_is_done_at_the_action(wired):
    bus, port, packets = wired
    assert packets.regWriteTxRx(port, 1, GOAL, 4, [0xB8, 0x0B, 0, 0]) == (sdk.COMM_SUCCESS, 0)
    assert bus.servos[0].get("Goal Position") != 3000
    packets.action(port, BROADCAST)
    assert packets.read4ByteTxRx(port, 1, GOAL)[0] == 3000


def test_a_reboot_forgets_and_a_factory_reset_keeps_what_it_is_told(wired):
    bus, port, packets = wired
    packets.write1ByteTxRx(port, 1, 9, 7)  # return delay, EEPROM
    packets.write1ByteTxRx(port, 1, TORQUE, 1)
    assert packets.reboot(port, 1) == (sdk.COMM_SUCCESS, 0)
    assert packets.read1ByteTxRx(port, 1, TORQUE)[0] == 0
    assert packets.read1ByteTxRx(port, 1, 9)[0] == 7
    assert packets.factoryReset(port, 1, 0x01) == (sdk.COMM_SUCCESS, 0)
    assert packets.read1ByteTxRx(port, 1, 9)[0] == 250
    assert bus.servos[0].id == 1


def test_a_shadow_follows_and_is_silent_and_has_an_id_of_its_own():
    bus = three()
    answer = bus.feed(Packet(2, Instruction.WRITE, bytes([TORQUE, 0, 1])).encode())
    assert [p.id for p in PacketParser().feed(answer)] == [2]
    assert [s.get("Torque Enable") for s in bus.servos] == [0, 1, 1]
    bus.feed(Packet(3, Instruction.WRITE, bytes([TORQUE, 0, 0])).encode())
    assert [s.get("Torque Enable") for s in bus.servos] == [0, 1, 0]


@pytest.mark.parametrize(("level", "answers"), [(0, [1, 0, 0]), (1, [1, 1, 0]), (2, [1, 1, 1])])
def test_the_status_return_level_says_what_is_answered(level, answers):
    bus = three()
    bus.servos[0].set("Status Return Level", level)
    asked = [
        Packet(1, Instruction.PING),
        Packet(1, Instruction.READ, bytes([PRESENT, 0, 4, 0])),
        Packet(1, Instruction.WRITE, bytes([65, 0, 1])),
    ]
    assert [len(list(PacketParser().feed(bus.feed(p.encode())))) for p in asked] == answers


def test_an_alert_is_in_every_answer_until_it_is_cleared():
    bus = three()
    bus.servos[0].set("Hardware Error Status", 0x20)
    (answer,) = PacketParser().feed(bus.feed(Packet(1, Instruction.PING).encode()))
    assert answer.parameters[0] == 0x80


def test_a_corrupt_packet_does_nothing_but_is_answered():
    bus = three()
    wire = bytearray(Packet(1, Instruction.WRITE, bytes([65, 0, 1])).encode())
    wire[-1] ^= 1
    (answer,) = PacketParser().feed(bus.feed(bytes(wire)))
    assert answer.parameters[0] == 3
    assert bus.servos[0].get("LED") == 0


def test_two_servos_with_one_id_are_no_bus():
    with pytest.raises(ValueError, match="ids of their own, these have \\[1, 1\\]"):
        VirtualBus([VirtualServo("xm540_w270", 1), VirtualServo("xm430_w350", 1)])
