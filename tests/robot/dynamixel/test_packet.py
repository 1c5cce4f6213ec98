"""Packets against the examples of the public protocol documentation, and on noise."""

import random

import pytest

from robot.dynamixel.packet import (
    BROADCAST,
    HEADER,
    Corrupt,
    Instruction,
    Packet,
    PacketParser,
    crc16,
    status,
)

# https://emanual.robotis.com/docs/en/dxl/protocol2, section "Instruction Details".
DOCUMENTED = {
    "ping": (Packet(1, Instruction.PING), "FF FF FD 00 01 03 00 01 19 4E"),
    "its answer": (status(1, 0, b"\x06\x04\x26"), "FF FF FD 00 01 07 00 55 00 06 04 26 65 5D"),
    "ping to all": (Packet(BROADCAST, Instruction.PING), "FF FF FD 00 FE 03 00 01 31 42"),
    "read": (
        Packet(1, Instruction.READ, b"\x84\x00\x04\x00"),
        "FF FF FD 00 01 07 00 02 84 00 04 00 1D 15",
    ),
    "what was read": (
        status(1, 0, b"\xa6\x00\x00\x00"),
        "FF FF FD 00 01 08 00 55 00 A6 00 00 00 8C C0",
    ),
    "write": (
        Packet(1, Instruction.WRITE, b"\x74\x00\x00\x02\x00\x00"),
        "FF FF FD 00 01 09 00 03 74 00 00 02 00 00 CA 89",
    ),
    "written": (status(1, 0), "FF FF FD 00 01 04 00 55 00 A1 0C"),
    "action": (Packet(1, Instruction.ACTION), "FF FF FD 00 01 03 00 05 02 CE"),
    "reboot": (Packet(1, Instruction.REBOOT), "FF FF FD 00 01 03 00 08 2F 4E"),
    "factory reset": (
        Packet(1, Instruction.FACTORY_RESET, b"\x01"),
        "FF FF FD 00 01 04 00 06 01 A1 E6",
    ),
    "sync read": (
        Packet(BROADCAST, Instruction.SYNC_READ, b"\x84\x00\x04\x00\x01\x02"),
        "FF FF FD 00 FE 09 00 82 84 00 04 00 01 02 CE FA",
    ),
    "sync write": (
        Packet(
            BROADCAST,
            Instruction.SYNC_WRITE,
            b"\x74\x00\x04\x00\x01\x96\x00\x00\x00\x02\xaa\x00\x00\x00",
        ),
        "FF FF FD 00 FE 11 00 83 74 00 04 00 01 96 00 00 00 02 AA 00 00 00 82 87",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_packets_are_those_of_the_documentation(name):
    packet, wire = DOCUMENTED[name]
    assert packet.encode() == bytes.fromhex(wire)
    assert list(PacketParser().feed(bytes.fromhex(wire))) == [packet]


def test_what_looks_like_a_header_is_stuffed_and_comes_back():
    packet = Packet(1, Instruction.WRITE, b"\x74\x00" + HEADER + b"\xff\xff\xfd\xfd")
    wire = packet.encode()
    assert wire.count(HEADER) == 1
    assert wire[5:7] == (3 + 2 + 5 + 5).to_bytes(2, "little")  # each a byte longer
    assert list(PacketParser().feed(wire)) == [packet]


def test_a_stream_may_be_cut_anywhere_and_begin_with_noise():
    packets = [packet for packet, _ in DOCUMENTED.values()]
    stream = b"\xff\xff\x00\xff" + b"".join(packet.encode() for packet in packets)
    parser = PacketParser()
    assert [p for byte in stream for p in parser.feed(bytes([byte]))] == packets


@pytest.mark.parametrize("place", range(7, 14))
def test_a_flipped_bit_is_noticed_and_the_next_packet_is_found(place):
    first, second = bytearray(DOCUMENTED["read"][0].encode()), DOCUMENTED["written"][0]
    first[place] ^= 0x10
    assert list(PacketParser().feed(bytes(first) + second.encode())) == [Corrupt(1), second]


def test_a_packet_that_was_cut_short_costs_what_it_swallows_and_no_more():
    cut, later = DOCUMENTED["sync write"][0].encode()[:12], DOCUMENTED["written"][0]
    found = list(PacketParser().feed(cut + 3 * later.encode()))
    assert found[-2:] == [later, later]


def test_noise_is_no_packet_and_is_not_kept():
    generator = random.Random(0)
    parser = PacketParser()
    found = [p for _ in range(300) for p in parser.feed(generator.randbytes(200))]
    assert not [p for p in found if isinstance(p, Packet)]
    assert len(parser._bytes) < 8
    endless = HEADER + b"\x01\xff\xff"  # claims 65,535 bytes
    assert list(parser.feed(endless + DOCUMENTED["ping"][0].encode())) == [DOCUMENTED["ping"][0]]


def test_a_packet_longer_than_any_is_refused():
    with pytest.raises(ValueError, match="length 2003 is too long, 1024"):
        Packet(1, Instruction.WRITE, bytes(2000)).encode()


def test_the_crc_is_a_remainder():
    data = bytes(range(40))
    assert crc16(data + crc16(data).to_bytes(2, "big")) == 0
