"""Which register of a servo is where: the tables that the Dynamixel SDK comes with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

TABLES = files("dynamixel_easy_sdk") / "control_table"
EEPROM_END = 64  # registers before it are kept without power, and locked while torque is on
# What the tables do not say: numbers that may be negative (two's complement), and registers that
# a servo alone writes.
SIGNED = {
    "Homing Offset",
    "Goal PWM",
    "Goal Current",
    "Goal Velocity",
    "Goal Position",
    "Present PWM",
    "Present Current",
    "Present Load",
    "Present Velocity",
    "Present Position",
    "Velocity Trajectory",
    "Position Trajectory",
}
READ_ONLY = {
    "Model Number",
    "Model Information",
    "Firmware Version",
    "Registered Instruction",
    "Hardware Error Status",
    "Realtime Tick",
    "Moving",
    "Moving Status",
    "Present PWM",
    "Present Current",
    "Present Load",
    "Present Velocity",
    "Present Position",
    "Present Input Voltage",
    "Present Temperature",
    "Velocity Trajectory",
    "Position Trajectory",
}


@dataclass(frozen=True)
class Register:
    """A register: its place, bytes, and whether it may be negative, or is a servo's own."""

    name: str
    address: int
    size: int

    @property
    def signed(self) -> bool:
        """Whether numbers are two's complement."""
        return self.name in SIGNED

    @property
    def read_only(self) -> bool:
        """Whether a servo alone writes it."""
        return self.name in READ_ONLY

    def encode(self, value: int) -> bytes:
        """A number as bytes.

        Raises:
            ValueError: if it does not fit in.
        """
        try:
            return value.to_bytes(self.size, "little", signed=self.signed)
        except OverflowError as error:
            raise ValueError(f"{self.name} is {value}, more than {self.size} bytes hold") from error

    def decode(self, data: bytes) -> int:
        """The number in bytes."""
        return int.from_bytes(data, "little", signed=self.signed)


@dataclass(frozen=True)
class ControlTable(Mapping[str, Register]):
    """A servo's registers, by name.

    Attributes:
        model: the servo's, such as ``xm540_w270``.
        number: what it answers to a ping.
        registers: by name.
    """

    model: str
    number: int
    registers: Mapping[str, Register]

    def __getitem__(self, name: str) -> Register:
        try:
            return self.registers[name]
        except KeyError:
            raise KeyError(f"a {self.model} has no register {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.registers)

    def __len__(self) -> int:
        return len(self.registers)

    @cached_property
    def bytes(self) -> int:
        """How many a servo has."""
        return max(r.address + r.size for r in self.registers.values())


@lru_cache
def model_numbers() -> dict[str, int]:
    """What each model answers to a ping."""
    lines = (TABLES / "dynamixel.model").read_text().splitlines()[1:]
    pairs = (line.split() for line in lines if line.strip())
    return {name.removesuffix(".model"): int(number) for number, name in pairs}


@lru_cache
def control_table(model: str) -> ControlTable:
    """The table of a model.

    Raises:
        ValueError: if there is no such model.
    """
    numbers = model_numbers()
    if model not in numbers:
        raise ValueError(f"unknown servo {model!r}; there are {', '.join(sorted(numbers))}")
    text = (TABLES / f"{model}.model").read_text()
    lines = text.partition("[control table]")[2].splitlines()[2:]
    registers: dict[str, Register] = {}
    for line in lines:
        if line.strip():
            address, size, name = line.split("\t")
            registers[name.strip()] = Register(name.strip(), int(address), int(size))
    return ControlTable(model, numbers[model], registers)
