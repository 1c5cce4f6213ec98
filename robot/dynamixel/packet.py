"""Packets of Dynamixel Protocol 2.0 as bytes, https://emanual.robotis.com/docs/en/dxl/protocol2.

``FF FF FD 00 | id | length (2) | instruction | parameters | CRC (2)``; numbers are little endian,
and the length counts all that comes after it. Where instruction and parameters hold ``FF FF FD``, a
further ``FD`` is put in, so that nothing in a packet looks like the beginning of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

HEADER = b"\xff\xff\xfd\x00"
_SIGN, _STUFFED = b"\xff\xff\xfd", b"\xff\xff\xfd\xfd"
_POLYNOMIAL = 0x8005  # CRC-16 as IBM has it, from 0, most significant bit first
_BEFORE = len(HEADER) + 3  # header, id, length
_SHORTEST = 3  # of a length: an instruction and the CRC
BROADCAST = 0xFE
MAX_ID = 0xFC
LONGEST = 1024  # of a length; what claims to be longer is noise


class Instruction(IntEnum):
    """What a packet asks for; ``STATUS`` answers."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    CLEAR = 0x10
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92
    BULK_WRITE = 0x93
    FAST_BULK_READ = 0x9A


class Error(IntEnum):
    """Why a servo did not do it: the lower bits of a status packet's error."""

    NONE = 0
    RESULT_FAIL = 1
    INSTRUCTION = 2
    CRC = 3
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7


class HardwareError(IntFlag):
    """Register 70, and which of its bits switch torque off: register 63."""

    VOLTAGE = 0x01
    OVERHEATING = 0x04
    ENCODER = 0x08
    ELECTRICAL_SHOCK = 0x10
    OVERLOAD = 0x20


ALERT = 0x80  # in a status packet's error: register 70 is not 0


def _crc_of_byte(byte: int) -> int:
    value = byte << 8
    for _ in range(8):
        value = (value << 1) ^ (_POLYNOMIAL if value & 0x8000 else 0)
    return value & 0xFFFF


_CRC = tuple(_crc_of_byte(byte) for byte in range(256))


def crc16(data: bytes, value: int = 0) -> int:
    """Of all bytes of a packet before it; goes on from the value of those before."""
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC[(value >> 8) ^ byte]
    return value


@dataclass(frozen=True)
class Packet:
    """A packet, its parameters as they are meant: without stuffing."""

    id: int
    instruction: int
    parameters: bytes = b""

    def encode(self) -> bytes:
        """As bytes on the wire.

        Raises:
            ValueError: if it is longer than a packet can be.
        """
        body = bytes([self.instruction]) + self.parameters
        body = body.replace(_SIGN, _STUFFED)
        length = len(body) + 2
        if length > LONGEST:
            raise ValueError(f"a packet of length {length} is too long, {LONGEST} is the most")
        packet = HEADER + bytes([self.id]) + length.to_bytes(2, "little") + body
        return packet + crc16(packet).to_bytes(2, "little")


def status(servo: int, error: int, parameters: bytes = b"") -> Packet:
    """An answer; its first parameter is the error."""
    return Packet(servo, Instruction.STATUS, bytes([error]) + parameters)


@dataclass(frozen=True)
class Corrupt:
    """A packet whose CRC is wrong; so may be its id."""

    id: int


class PacketParser:
    """Finds packets in a stream of bytes, however it is cut, and goes on after noise."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet | Corrupt]:
        """Yields every packet that is complete with ``data``."""
        self._bytes += data
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> Packet | Corrupt | None:
        while True:
            start = self._bytes.find(HEADER)
            if start < 0:
                # The end may be the beginning of a header.
                del self._bytes[: -len(HEADER) + 1]
                return None
            del self._bytes[:start]
            if len(self._bytes) < _BEFORE:
                return None
            length = int.from_bytes(self._bytes[5:7], "little")
            if not _SHORTEST <= length <= LONGEST:
                del self._bytes[:1]
                continue
            end = _BEFORE + length
            if len(self._bytes) < end:
                return None
            packet = bytes(self._bytes[:end])
            if crc16(packet[:-2]) != int.from_bytes(packet[-2:], "little"):
                del self._bytes[:1]  # its length may be wrong: the next packet may be inside
                return Corrupt(packet[4])
            del self._bytes[:end]
            body = packet[_BEFORE:-2].replace(_STUFFED, _SIGN)
            return Packet(packet[4], body[0], body[1:])
