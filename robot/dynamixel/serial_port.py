"""A serial port as the SDK wants it, which waits for bytes instead of spinning."""

from __future__ import annotations

import select
import termios
from pathlib import Path

import dynamixel_sdk as sdk

from robot.arm_errors import BusError

BAUDS = {9_600: 0, 57_600: 1, 115_200: 2, 1_000_000: 3, 2_000_000: 4, 3_000_000: 5, 4_000_000: 6}
WAIT = 0.001  # s, between two looks at whether an answer is overdue
PATIENCE = 0.006  # s, beyond what bytes and adapter take: servos answer within 0.5 ms
PTY_LATENCY_MS = 1.0


class SerialPort(sdk.PortHandler):
    """The SDK's port, with three traps taken out.

    It waits in ``select`` instead of burning a core; an answer is overdue after the adapter's true
    latency instead of 34 ms; a cable that was pulled is a :class:`BusError` and leaves the port
    usable for closing.

    Args:
        path: such as ``/dev/ttyUSB0``.
        baud: bits a second.
        patience: s that an answer may take beyond what bytes and adapter do.

    Raises:
        ValueError: if servos cannot talk at that speed.
    """

    def __init__(self, path: str, baud: int, patience: float = PATIENCE) -> None:
        if baud not in BAUDS:
            raise ValueError(f"baud is {baud}, servos take {', '.join(map(str, BAUDS))}")
        super().__init__(path)
        self._wanted = baud
        self._spare_ms = 2 * latency_ms(path) + 1000 * patience

    def open(self) -> None:
        """Opens it.

        Raises:
            BusError: if there is no such port, or it may not be opened.
        """
        try:
            self.setBaudRate(self._wanted)
        except OSError as error:
            why = "is the cable plugged in, and are you in the group of its device?"
            raise BusError(f"port {self.port_name} cannot be opened ({error}): {why}") from error

    def close(self) -> None:
        """Closes it; again does nothing."""
        if self.is_open:
            self.closePort()

    @property
    def overdue(self) -> bool:
        """Whether the time for an answer is over."""
        return bool(self.packet_timeout == 0 or self.getTimeSinceStart() > self.packet_timeout)

    def setPacketTimeout(self, packet_length: int) -> None:  # noqa: N802
        """From now on, for so many bytes."""
        self.setPacketTimeoutMillis(self.tx_time_per_byte * packet_length + self._spare_ms)

    def clearPort(self) -> None:  # noqa: N802
        """Forgets what has come."""
        with _pulled(self.port_name):
            super().clearPort()

    def writePort(self, packet: list[int]) -> int:  # noqa: N802
        """Sends bytes."""
        with _pulled(self.port_name):
            return super().writePort(packet)

    def readPort(self, length: int) -> bytes:  # noqa: N802
        """What has come, at most so many bytes; waits a moment for the first."""
        with _pulled(self.port_name):
            select.select([self.ser], [], [], WAIT)
            return super().readPort(length)


class _pulled:  # noqa: N801
    """Turns what a pulled cable raises into a fault."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError | TypeError | termios.error):
            raise BusError(f"port {self._path} is gone: was the cable pulled?") from error


def latency_ms(path: str) -> float:
    """The adapter's latency timer, ms; see docs/real_arm.md on how to set it to 1."""
    timer = Path("/sys/bus/usb-serial/devices") / Path(path).name / "latency_timer"
    return float(timer.read_text()) if timer.is_file() else PTY_LATENCY_MS
