"""How an arm's servos have to be set, and what of it they are not."""

from __future__ import annotations

from dataclasses import dataclass

from robot.dynamixel.bus import ServoBus
from robot.dynamixel.control_table import EEPROM_END
from robot.dynamixel.register_units import NO_SHADOW
from robot.dynamixel.serial_port import BAUDS
from robot.dynamixel.wiring import MODES, ServoWiring, Wiring


@dataclass(frozen=True)
class Difference:
    """A register that is not as it should be."""

    servo: int
    name: str
    found: int
    wanted: int

    def __str__(self) -> str:
        return f"servo {self.servo}: {self.name} is {self.found}, it should be {self.wanted}"


def wanted_settings(wiring: Wiring, servo: ServoWiring) -> dict[str, int]:
    """The EEPROM of a servo, as far as the arm depends on it."""
    low, high = servo.limits
    return {
        "Baud Rate": BAUDS[wiring.baud],
        "Return Delay Time": 0,
        "Drive Mode": int(servo.reversed),
        "Operating Mode": MODES[servo.mode],
        "Secondary(Shadow) ID": NO_SHADOW if servo.shadows is None else servo.shadows,
        "Velocity Limit": wiring.velocity_limit,
        "Min Position Limit": low,
        "Max Position Limit": high,
    }


def differences(bus: ServoBus, wiring: Wiring) -> list[Difference]:
    """What is not as it should be, of all servos.

    Raises:
        BusError: if one does not answer.
    """
    found: list[Difference] = []
    for servo in wiring.servos:
        for name, wanted in wanted_settings(wiring, servo).items():
            value = bus.read(servo.id, name)
            # Any id above the largest is no shadow.
            no_shadow = name.startswith("Secondary") and min(value, wanted) > 0xFC
            if value != wanted and not no_shadow:
                found.append(Difference(servo.id, name, value, wanted))
    return found


def correct(bus: ServoBus, found: list[Difference]) -> None:
    """Writes what differs, and nothing else: an EEPROM wears out.

    Raises:
        BusError: if a servo does not take it, as while its torque is on.
    """
    for difference in found:
        assert bus.tables[difference.servo][difference.name].address < EEPROM_END
        bus.write(difference.servo, difference.name, difference.wanted)
