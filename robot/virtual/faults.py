"""What goes wrong on request: on the wire, and in servos."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from robot.virtual.servo import VOLTAGE, VirtualServo

Kind = Literal[
    "dead", "revived", "overloaded", "overheated", "warm", "brown_out", "restored", "reset"
]


@dataclass(frozen=True)
class WireFault:
    """What happens to answers on their way; nothing by default.

    Attributes:
        dropped: share of the answers' bytes that get lost.
        corrupted: share of them in which a bit flips.
        late: s by which an answer comes too late.

    Raises:
        ValueError: if a share is not one, or the delay is negative.
    """

    dropped: float = 0.0
    corrupted: float = 0.0
    late: float = 0.0

    def __post_init__(self) -> None:
        for name, share in (("dropped", self.dropped), ("corrupted", self.corrupted)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}, it is a share from 0 to 1")
        if self.late < 0:
            raise ValueError(f"late is {self.late} s, it must not be negative")

    def on(self, answer: bytes, chance: random.Random) -> bytes:
        """What arrives of an answer."""
        if not self.dropped and not self.corrupted:
            return answer
        arrived = bytearray()
        for byte in answer:
            if chance.random() < self.dropped:
                continue
            flipped = 1 << chance.randrange(8) if chance.random() < self.corrupted else 0
            arrived.append(byte ^ flipped)
        return bytes(arrived)


@dataclass(frozen=True)
class ServoFault:
    """What happens to a servo, or ends.

    Attributes:
        servo: its id.
        kind: ``dead``: no power, for good. ``brown_out``: too little voltage for a moment, after
            which it has rebooted. ``reset``: as from the factory, but for id and baud rate.
            ``overheated`` and ``overloaded`` switch its torque off, ``warm`` does not yet.
            ``revived`` and ``restored`` end what lasts.
    """

    servo: int
    kind: Kind

    def happen(self, servo: VirtualServo) -> None:
        """Does it."""
        match self.kind:
            case "dead":
                servo.powered = False
            case "revived":
                servo.powered = True
                servo.reboot()
            case "overloaded":
                servo.strain()
            case "overheated":
                servo.heat = 100.0
            case "warm":
                servo.heat = 45.0
            case "restored":
                servo.heat, servo.voltage = 0.0, VOLTAGE
            case "brown_out":
                servo.reboot()
            case "reset":
                servo.factory_reset(("ID", "Baud Rate"))
