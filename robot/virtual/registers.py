"""A servo's registers: what they hold, and which writes a Dynamixel of the X series refuses.

Not modelled: indirect addresses and external ports, which are no registers here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from robot.dynamixel.control_table import EEPROM_END, Register, control_table
from robot.dynamixel.packet import MAX_ID, Error
from robot.dynamixel.register_units import FULL_PWM, TRIPPED

POSITION, CURRENT_POSITION = 3, 5  # operating modes
MODES = (0, 1, POSITION, 4, CURRENT_POSITION, 16)
GOALS = {"Goal PWM", "Goal Current", "Goal Velocity", "Goal Position"}
# What may be written; of all else what fits in.
RANGES = {
    "ID": (0, MAX_ID),
    "Baud Rate": (0, 7),
    "Return Delay Time": (0, 254),
    "Drive Mode": (0, 13),
    "Homing Offset": (-1_044_479, 1_044_479),
    "Temperature Limit": (0, 100),
    "PWM Limit": (0, FULL_PWM),
    "Velocity Limit": (0, 1023),
    "Max Position Limit": (0, 4095),
    "Min Position Limit": (0, 4095),
    "Torque Enable": (0, 1),
    "LED": (0, 1),
    "Status Return Level": (0, 2),
    "Bus Watchdog": (0, 127),
    "Position P Gain": (0, 16383),
    "Position I Gain": (0, 16383),
    "Position D Gain": (0, 16383),
    "Profile Acceleration": (0, 32767),
    "Profile Velocity": (0, 32767),
}
# The register that holds the limit of a goal, both ways.
LIMITED_BY = {
    "Goal PWM": "PWM Limit",
    "Goal Current": "Current Limit",
    "Goal Velocity": "Velocity Limit",
}


class Registers:
    """Registers of one servo, all 0 at first.

    Args:
        model: such as ``xm540_w270``.
    """

    def __init__(self, model: str) -> None:
        self.table = control_table(model)
        self._values = dict.fromkeys(self.table, 0)
        self._at = {r.address: r for r in self.table.values() if "Indirect" not in r.name}

    def get(self, name: str) -> int:
        """A register's number."""
        return self._values[name]

    def set(self, name: str, value: int) -> None:
        """Sets a register, whoever may write it; one that the model lacks is left out."""
        if name in self._values:
            self._values[name] = value

    def begin_from(self, values: Mapping[str, int], first: int = 0) -> None:
        """Sets all registers from an address on: to these values, else to 0."""
        self._values |= {r.name: 0 for r in self.table.values() if r.address >= first}
        for name, value in values.items():
            self.set(name, value)

    def data(self, address: int, length: int) -> tuple[Error, bytes]:
        """Bytes of registers, 0 where there are none."""
        end = address + length
        if length < 1 or end > self.table.bytes:
            return Error.DATA_LENGTH, b""
        memory = bytearray(self.table.bytes)
        for register in self._at.values():
            if register.address < end and register.address + register.size > address:
                data = register.encode(self._values[register.name])
                memory[register.address : register.address + register.size] = data
        return Error.NONE, bytes(memory[address:end])

    def changes(self, address: int, data: bytes) -> tuple[Error, dict[str, int]]:
        """What a write would change: whole registers that follow each other, or nothing at all."""
        found: dict[str, int] = {}
        at = address
        while at < address + len(data):
            register = self._at.get(at)
            if register is None:
                return Error.ACCESS, {}
            part = data[at - address : at - address + register.size]
            if len(part) < register.size:
                return Error.DATA_LENGTH, {}
            value = register.decode(part)
            if (error := self._refuses(register, value)) is not Error.NONE:
                return error, {}
            found[register.name] = value
            at += register.size
        return (Error.NONE if found else Error.DATA_LENGTH), found

    def _refuses(self, register: Register, value: int) -> Error:
        name = register.name
        locked = register.address < EEPROM_END and self.get("Torque Enable")
        if register.read_only or locked:
            return Error.ACCESS
        low, high = RANGES.get(name, (-math.inf, math.inf))
        if not low <= value <= high or (name == "Operating Mode" and value not in MODES):
            return Error.DATA_RANGE
        if name in GOALS and self.get("Bus Watchdog") == TRIPPED:
            return Error.DATA_RANGE
        if name in LIMITED_BY and abs(value) > self.get(LIMITED_BY[name]):
            return Error.DATA_LIMIT
        if name == "Goal Position" and self.get("Operating Mode") == POSITION:
            low, high = self.get("Min Position Limit"), self.get("Max Position Limit")
            if not low <= value <= high:
                return Error.DATA_LIMIT
        return Error.NONE
