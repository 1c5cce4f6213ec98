"""Servos on a bus: every answer is checked, and a bad one never becomes a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dynamixel_sdk as sdk

from robot.arm_errors import BusError
from robot.dynamixel.control_table import ControlTable, Register
from robot.dynamixel.packet import ALERT, Error, Instruction
from robot.dynamixel.packet_handler import Answer, PacketHandler
from robot.dynamixel.serial_port import PATIENCE, SerialPort

TRIES = 3
STATUS_BYTES = 11  # of an answer without data
WHY = {
    sdk.COMM_RX_TIMEOUT: "does not answer",
    sdk.COMM_RX_CORRUPT: "gave an answer that cannot be read",
    sdk.COMM_PORT_BUSY: "could not be asked: the port is in use",
}


class ServoBus:
    """Talks to servos by the Dynamixel SDK.

    Args:
        port: such as ``/dev/ttyUSB0``.
        baud: bits a second.
        tables: the registers of each servo, by id.
        patience: s that an answer may take beyond what bytes and adapter do.
        joints: what each servo turns, by id; it is named where a servo is.

    Attributes:
        alerts: servos whose last answer said that register 70 is not 0.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        tables: Mapping[int, ControlTable],
        patience: float = PATIENCE,
        joints: Mapping[int, str] | None = None,
    ) -> None:
        self.port = SerialPort(port, baud, patience)
        self.tables = dict(tables)
        self.alerts: set[int] = set()
        self._joints = dict(joints or {})
        self._packets = PacketHandler()

    def open(self) -> None:
        """Opens the port.

        Raises:
            BusError: if it cannot be opened.
        """
        self.port.open()

    def close(self) -> None:
        """Closes the port."""
        self.port.close()

    def ping(self, servo: int) -> int:
        """The number of a servo's model.

        Raises:
            BusError: if it does not answer.
        """
        return int.from_bytes(self._asked(servo, Instruction.PING, b"", 3, "ping")[:2], "little")

    def read(self, servo: int, name: str) -> int:
        """A register.

        Raises:
            BusError: if it cannot be read.
        """
        register = self.tables[servo][name]
        wanted = _word(register.address) + _word(register.size)
        what = f"read of {name}"
        return register.decode(self._asked(servo, Instruction.READ, wanted, register.size, what))

    def write(self, servo: int, name: str, value: int) -> None:
        """Writes a register, and has it confirmed.

        Raises:
            BusError: if it is not.
        """
        register = self.tables[servo][name]
        given = _word(register.address) + register.encode(value)
        self._asked(servo, Instruction.WRITE, given, 0, f"write of {value} to {name}")

    def reboot(self, servo: int) -> None:
        """Starts a servo anew: its errors are cleared, its torque is off.

        Raises:
            BusError: if it does not answer.
        """
        self._asked(servo, Instruction.REBOOT, b"", 0, "reboot")

    def _asked(self, servo: int, instruction: int, given: bytes, length: int, what: str) -> bytes:
        """The data of a servo's answer, which has to have so many bytes, after some tries."""
        result = sdk.COMM_RX_TIMEOUT
        for _ in range(TRIES):
            answers, result = self._exchange([servo], servo, instruction, given, length)
            if servo in answers:
                error = answers[servo].error
                if error & ~ALERT:
                    name = Error(error & ~ALERT).name.lower().replace("_", " ")
                    raise BusError(f"{self._named(servo)} refuses the {what}: {name} error")
                return answers[servo].data
        why = WHY.get(result, f"failed: {self._packets.said(result)}")
        raise BusError(f"{self._named(servo)} {why} ({what}, {TRIES} tries)")

    def _named(self, servo: int) -> str:
        joint = self._joints.get(servo)
        return f"servo {servo} ({joint})" if joint else f"servo {servo}"

    def sync_read(
        self, servos: Sequence[int], first: str, last: str, fast: bool = False
    ) -> dict[int, dict[str, int]]:
        """Registers that follow each other, of several servos at once.

        Args:
            servos: ids; their tables agree on these registers.
            first: register.
            last: register, included.
            fast: whether they answer in one packet, as some firmware can; then all do, or none.

        Returns:
            By servo and name; servos that did not answer, or not well, are left out.

        Raises:
            BusError: if nothing could be asked.
        """
        wanted = between(self.tables[servos[0]], first, last)
        start = wanted[0].address
        length = wanted[-1].address + wanted[-1].size - start
        given = _word(start) + _word(length) + bytes(servos)
        if fast:
            answers = self._exchange_fast(servos, given, length)
        else:
            everyone = sdk.BROADCAST_ID
            answers, _ = self._exchange(servos, everyone, Instruction.SYNC_READ, given, length)
        return {
            servo: {r.name: r.decode(_cut(answer.data, r, start)) for r in wanted}
            for servo, answer in answers.items()
            if not answer.error & ~ALERT
        }

    def _exchange_fast(self, servos: Sequence[int], given: bytes, length: int) -> dict[int, Answer]:
        """Asks all at once, and waits for their one answer; see :meth:`_exchange`."""
        instruction = Instruction.FAST_SYNC_READ
        try:
            result = self._packets.send(self.port, sdk.BROADCAST_ID, instruction, given)
            if result != sdk.COMM_SUCCESS:
                raise BusError(f"nothing can be sent on {self.port.port_name}")
            self.port.setPacketTimeout(STATUS_BYTES + (length + 4) * len(servos))
            answers, _ = self._packets.receive_joined(self.port, length)
        finally:
            self.port.is_using = False  # an exception leaves it set
        if [answer.servo for answer in answers] != list(servos):
            return {}
        for answer in answers:
            self._note(answer)
        return {answer.servo: answer for answer in answers}

    def _note(self, answer: Answer) -> None:
        """Remembers whether a servo has an alert."""
        note = self.alerts.add if answer.error & ALERT else self.alerts.discard
        note(answer.servo)

    def _exchange(
        self, servos: Sequence[int], to: int, instruction: int, given: bytes, length: int
    ) -> tuple[dict[int, Answer], int]:
        """Asks, and waits for an answer of each of the servos.

        Returns:
            Answers by servo, refusals among them, and the SDK's result of the last that was waited
            for. What has another length is left of an earlier question, and does not count.
        """
        found: dict[int, Answer] = {}
        try:
            result = self._packets.send(self.port, to, instruction, given)
            if result != sdk.COMM_SUCCESS:
                raise BusError(f"nothing can be sent on {self.port.port_name}")
            self.port.setPacketTimeout((STATUS_BYTES + length) * len(servos))
            while len(found) < len(servos):
                answer, result = self._packets.receive(self.port)
                if answer is None and result == sdk.COMM_RX_CORRUPT and not self.port.overdue:
                    continue  # others may follow
                if answer is None:
                    break
                refused = bool(answer.error & ~ALERT)
                if answer.servo in servos and (refused or len(answer.data) == length):
                    found[answer.servo] = answer
                    self._note(answer)
        finally:
            self.port.is_using = False  # an exception leaves it set
        return found, result

    def sync_write(self, name: str, values: Mapping[int, int]) -> None:
        """A register of several servos at once; nobody confirms it.

        Args:
            name: of the register.
            values: by servo.

        Raises:
            BusError: if nothing could be sent.
        """
        register = self.tables[next(iter(values))][name]
        rows = b"".join(bytes([servo]) + register.encode(v) for servo, v in values.items())
        given = _word(register.address) + _word(register.size) + rows
        try:
            result = self._packets.send(self.port, sdk.BROADCAST_ID, Instruction.SYNC_WRITE, given)
        finally:
            self.port.is_using = False
        if result != sdk.COMM_SUCCESS:
            raise BusError(f"nothing can be sent on {self.port.port_name}")


def between(table: ControlTable, first: str, last: str) -> list[Register]:
    """The registers from one to another, by address."""
    start, end = table[first].address, table[last].address
    found = [r for r in table.values() if start <= r.address <= end and "Indirect" not in r.name]
    return sorted(found, key=lambda register: register.address)


def _cut(data: bytes, register: Register, start: int) -> bytes:
    return data[register.address - start : register.address - start + register.size]


def _word(value: int) -> bytes:
    return value.to_bytes(2, "little")
