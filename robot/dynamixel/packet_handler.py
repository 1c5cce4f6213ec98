"""The SDK's packets, with what it gets wrong put right."""

from __future__ import annotations

from typing import Any, NamedTuple

import dynamixel_sdk as sdk

from robot.dynamixel.serial_port import SerialPort

_ID, _LENGTH, _INSTRUCTION, _ERROR, _DATA = 4, 5, 7, 8, 9  # places in a packet


class Answer(NamedTuple):
    """A status packet whose CRC is right."""

    servo: int
    error: int
    data: bytes


class PacketHandler(sdk.Protocol2PacketHandler):
    """Protocol 2.0 as the SDK speaks it, but for two traps (SDK 4.1).

    It stuffs a copy of a packet and then sends the packet; and it cuts answers to the length that
    was asked for, whatever was answered, so that what is left of an earlier answer becomes a
    number.
    """

    def addStuffing(self, packet: list[int]) -> list[int]:  # noqa: N802
        """Stuffs the packet itself."""
        packet[:] = super().addStuffing(packet)
        return packet

    def send(self, port: SerialPort, servo: int, instruction: int, given: bytes) -> int:
        """Sends an instruction; the SDK's result."""
        length = (len(given) + 3).to_bytes(2, "little")
        packet = [0, 0, 0, 0, servo, *length, instruction, *given, 0, 0]
        return self.txPacket(port, packet)

    def receive(self, port: SerialPort) -> tuple[Answer | None, int]:
        """The next answer, or none and the SDK's result; the port's timeout has to be set."""
        port.is_using = True
        packet: list[int]
        packet, result = self.rxPacket(port, False)
        if result != sdk.COMM_SUCCESS:
            return None, result
        end = _INSTRUCTION + (packet[_LENGTH] | packet[_LENGTH + 1] << 8) - 2
        return Answer(packet[_ID], packet[_ERROR], bytes(packet[_DATA:end])), result

    def receive_joined(self, port: SerialPort, length: int) -> tuple[list[Answer], int]:
        """The one answer of several servos to a fast read of so many bytes each.

        None, where a servo was silent: those after it then were, too.
        """
        port.is_using = True
        packet: list[int]
        packet, result = self.rxPacket(port, True)
        parts, size = packet[_ERROR:], length + 4  # error, id, data, CRC
        if result != sdk.COMM_SUCCESS or packet[_ID] != sdk.BROADCAST_ID or len(parts) % size:
            return [], result
        rows = [parts[i : i + size] for i in range(0, len(parts), size)]
        return [Answer(row[1], row[0], bytes(row[2:-2])) for row in rows], result

    def said(self, result: int) -> str:
        """A result in words."""
        text: Any = self.getTxRxResult(result)
        return str(text)
