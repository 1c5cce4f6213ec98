"""Servos on one bus: bytes in, bytes out. No port, no time of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from robot.dynamixel.packet import (
    ALERT,
    BROADCAST,
    Corrupt,
    Error,
    Instruction,
    Packet,
    PacketParser,
    crc16,
    status,
)
from robot.virtual.servo import VirtualServo

# Answers that are given at a status return level of at least so much (register 68).
READS = {
    Instruction.READ,
    Instruction.SYNC_READ,
    Instruction.BULK_READ,
    Instruction.FAST_SYNC_READ,
    Instruction.FAST_BULK_READ,
}
# A factory reset's first parameter says what is kept.
KEPT = {0xFF: (), 0x01: ("ID",), 0x02: ("ID", "Baud Rate")}


class VirtualBus:
    """What hangs on a wire.

    Args:
        servos: on it; ids must differ.

    Raises:
        ValueError: if two have the same id.
    """

    def __init__(self, servos: Sequence[VirtualServo]) -> None:
        self.servos = list(servos)
        ids = [servo.id for servo in self.servos]
        if len(set(ids)) < len(ids):
            raise ValueError(f"servos on a bus have ids of their own, these have {ids}")
        self._parser = PacketParser()

    def feed(self, data: bytes) -> bytes:
        """What servos answer to bytes on the wire, one after the other."""
        return b"".join(
            answer for packet in self._parser.feed(data) for answer in self._answers(packet)
        )

    def advance(self, seconds: float) -> None:
        """Lets time go by for all servos."""
        for servo in self.servos:
            servo.advance(seconds)

    def _servo(self, servo: int) -> VirtualServo | None:
        """The one with an id that has power."""
        return next((s for s in self.servos if s.powered and s.id == servo), None)

    def _answers(self, packet: Packet | Corrupt) -> Iterator[bytes]:
        if isinstance(packet, Corrupt):
            if (servo := self._servo(packet.id)) is not None:
                yield self._status(servo, Error.CRC)
            return
        if packet.instruction == Instruction.STATUS:
            return  # another's answer, or an echo
        for servo in self.servos:
            servo.heard()
        handlers: dict[int, Callable[[Packet], Iterator[bytes]]] = {
            Instruction.SYNC_READ: self._sync_read,
            Instruction.FAST_SYNC_READ: self._sync_read,
            Instruction.SYNC_WRITE: self._sync_write,
            Instruction.BULK_READ: self._bulk_read,
            Instruction.FAST_BULK_READ: self._bulk_read,
            Instruction.BULK_WRITE: self._bulk_write,
        }
        yield from handlers.get(packet.instruction, self._each)(packet)

    def _status(self, servo: VirtualServo, error: Error, data: bytes = b"") -> bytes:
        return status(servo.id, self._error(servo, error), data).encode()

    def _error(self, servo: VirtualServo, error: Error) -> int:
        return int(error) | (ALERT if servo.get("Hardware Error Status") else 0)

    def _each(self, packet: Packet) -> Iterator[bytes]:
        """An instruction to one servo, to those that shadow it, or to all."""
        everyone = packet.id == BROADCAST
        for servo in sorted(self.servos, key=lambda s: s.id):
            if not servo.powered or not (everyone or servo.answers_to(packet.id)):
                continue
            error, data = self._do(servo, packet)
            is_ping = packet.instruction == Instruction.PING
            needed = 0 if is_ping else 1 if packet.instruction in READS else 2
            silent = (everyone and not is_ping) or (servo.id != packet.id and not everyone)
            if not silent and servo.get("Status Return Level") >= needed:
                yield self._status(servo, error, data)

    def _do(self, servo: VirtualServo, packet: Packet) -> tuple[Error, bytes]:
        given = packet.parameters
        match packet.instruction:
            case Instruction.PING:
                model, firmware = servo.get("Model Number"), servo.get("Firmware Version")
                return Error.NONE, model.to_bytes(2, "little") + bytes([firmware])
            case Instruction.READ if len(given) == 4:
                return servo.read(_word(given), _word(given[2:]))
            case Instruction.WRITE if len(given) > 2:
                return servo.write(_word(given), given[2:]), b""
            case Instruction.REG_WRITE if len(given) > 2:
                return servo.register(_word(given), given[2:]), b""
            case Instruction.ACTION if not given:
                return servo.act(), b""
            case Instruction.REBOOT if not given:
                servo.reboot()
                return Error.NONE, b""
            case Instruction.FACTORY_RESET if len(given) == 1 and given[0] in KEPT:
                if packet.id == BROADCAST and given[0] == 0xFF:
                    return Error.INSTRUCTION, b""  # all would have the same id
                servo.factory_reset(KEPT[given[0]])
                return Error.NONE, b""
            case Instruction.CLEAR if given == b"\x01\x44\x58\x4c\x22":
                return Error.NONE, b""  # turns are not counted in the modes that are modelled
            case (
                Instruction.READ
                | Instruction.WRITE
                | Instruction.REG_WRITE
                | Instruction.FACTORY_RESET
                | Instruction.CLEAR
            ):
                return Error.DATA_LENGTH, b""
            case _:
                return Error.INSTRUCTION, b""

    def _sync_read(self, packet: Packet) -> Iterator[bytes]:
        given = packet.parameters
        if packet.id != BROADCAST or len(given) < 5:
            return
        wanted = [(servo, _word(given), _word(given[2:])) for servo in given[4:]]
        yield from self._read_all(wanted, packet.instruction == Instruction.FAST_SYNC_READ)

    def _bulk_read(self, packet: Packet) -> Iterator[bytes]:
        given = packet.parameters
        if packet.id != BROADCAST or len(given) % 5:
            return
        wanted = [
            (given[i], _word(given[i + 1 :]), _word(given[i + 3 :]))
            for i in range(0, len(given), 5)
        ]
        yield from self._read_all(wanted, packet.instruction == Instruction.FAST_BULK_READ)

    def _read_all(self, wanted: Sequence[tuple[int, int, int]], fast: bool) -> Iterator[bytes]:
        """One answer a servo; or one of all of them, which ends with the first that is missing."""
        parts: list[bytes] = []
        for identity, address, length in wanted:
            servo = self._servo(identity)
            if servo is None or not servo.get("Status Return Level"):
                if fast:
                    break
                continue
            error, data = servo.read(address, length)
            if not fast:
                yield self._status(servo, error, data)
                continue
            parts.append(bytes([self._error(servo, error), identity]) + data.ljust(length, b"\0"))
        if fast and parts:
            yield joined(parts) if len(parts) == len(wanted) else joined(parts)[:-2]

    def _sync_write(self, packet: Packet) -> Iterator[bytes]:
        given = packet.parameters
        if packet.id == BROADCAST and len(given) > 4:
            address, length = _word(given), _word(given[2:])
            rows = given[4:]
            if length and not len(rows) % (length + 1):
                for i in range(0, len(rows), length + 1):
                    self._write(rows[i], address, rows[i + 1 : i + 1 + length])
        yield from ()

    def _bulk_write(self, packet: Packet) -> Iterator[bytes]:
        given = packet.parameters
        while packet.id == BROADCAST and len(given) > 5:
            length = _word(given[3:])
            if not 0 < length <= len(given) - 5:
                break
            self._write(given[0], _word(given[1:]), given[5 : 5 + length])
            given = given[5 + length :]
        yield from ()

    def _write(self, identity: int, address: int, data: bytes) -> None:
        """Nobody answers a write to several."""
        for servo in self.servos:
            if servo.answers_to(identity):
                servo.write(address, data)


def _word(data: bytes) -> int:
    return int.from_bytes(data[:2], "little")


def joined(parts: Sequence[bytes]) -> bytes:
    """The answer to a fast read: all parts in one packet, a CRC after each."""
    length = sum(len(part) + 2 for part in parts) + 1
    packet = b"\xff\xff\xfd\x00" + bytes([BROADCAST]) + length.to_bytes(2, "little")
    packet += bytes([Instruction.STATUS])
    added, value = packet, 0
    for part in parts:
        value = crc16(added + part, value)
        added = value.to_bytes(2, "little")
        packet += part + added
    return packet
