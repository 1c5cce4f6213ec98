"""One virtual servo: registers that behave as those of a Dynamixel of the X series.

What it does to its shaft is a :class:`Drive`, what it feels a :class:`Shaft`; physics is elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from robot.dynamixel.control_table import EEPROM_END
from robot.dynamixel.packet import MAX_ID, Error, HardwareError
from robot.dynamixel.register_units import (
    ACCELERATION,
    CENTER,
    CURRENT,
    NO_SHADOW,
    SPEED,
    TICK,
    TRIPPED,
    WATCHDOG,
)
from robot.virtual.motor import AMBIENT, motor
from robot.virtual.profile import Profile
from robot.virtual.registers import CURRENT_POSITION, LIMITED_BY, POSITION, Registers

REVERSED, BY_TIME = 0x01, 0x04  # bits of the drive mode
OVERLOAD_SHARE, OVERLOAD_S = 0.8, 2.0  # of the stall torque, for so long
VOLTAGE, LOWEST_VOLTAGE = 12.0, 9.5


@dataclass
class Shaft:
    """What physics says of a servo's shaft: rad, rad/s, N m; positive as the arm's joint turns."""

    position: float = 0.0
    velocity: float = 0.0
    torque: float = 0.0


@dataclass(frozen=True)
class Drive:
    """What a servo does to its shaft: pulls it to ``target`` (rad) with at most ``torque`` (N m).

    ``stiffness`` is relative to the gain that firmware begins with.
    """

    target: float
    stiffness: float
    torque: float


class VirtualServo(Registers):
    """A servo on the bus.

    Args:
        model: such as ``xm540_w270``.
        servo: its id.

    Attributes:
        shaft: written by physics between steps.
        powered: whether it has power; without, it neither answers nor holds.
        heat: added to its temperature, K; a fault.
        voltage: V.
    """

    def __init__(self, model: str, servo: int) -> None:
        super().__init__(model)
        self.motor = motor(model)
        self.shaft = Shaft()
        self.powered = True
        self.voltage = VOLTAGE
        self.heat = 0.0
        self._temperature = AMBIENT
        self._registered: tuple[int, bytes] | None = None
        self.factory_reset()
        self.set("ID", servo)

    @property
    def id(self) -> int:
        """Its id."""
        return self.get("ID")

    def answers_to(self, servo: int) -> bool:
        """Whether an instruction to an id is for it, by its own id or its shadow's."""
        shadow = self.get("Secondary(Shadow) ID")
        return self.powered and (servo == self.id or (shadow <= MAX_ID and servo == shadow))

    def read(self, address: int, length: int) -> tuple[Error, bytes]:
        """Bytes of registers, as things are now."""
        self._sense()
        return self.data(address, length)

    def write(self, address: int, data: bytes) -> Error:
        """Writes whole registers that follow each other, or none of them."""
        error, changes = self.changes(address, data)
        for name, value in changes.items():
            self._change(name, value)
        return error

    def _change(self, name: str, value: int) -> None:
        if name == "Torque Enable" and value and self.get("Hardware Error Status"):
            return  # stays off until it is rebooted
        if name == "Torque Enable" and value and not self.get("Torque Enable"):
            self._rest_at(self._present())
        self.set(name, value)
        if name == "Goal Position":
            self._plan(float(value))

    def register(self, address: int, data: bytes) -> Error:
        """Keeps a write until :meth:`act`."""
        self._registered = address, data
        self.set("Registered Instruction", 1)
        return Error.NONE

    def act(self) -> Error:
        """Does what was registered."""
        if self._registered is None:
            return Error.INSTRUCTION
        address, data = self._registered
        self._registered = None
        self.set("Registered Instruction", 0)
        return self.write(address, data)

    def reboot(self) -> None:
        """Forgets all that is not in the EEPROM: torque is off, errors are cleared."""
        limits = {goal: self.get(limit) for goal, limit in LIMITED_BY.items() if goal in self.table}
        begun = {"Status Return Level": 2, "Position P Gain": self.motor.p_gain, **limits}
        self.begin_from(begun, first=EEPROM_END)
        self._registered = None
        self._overloaded_s = self._silent_s = 0.0
        self._tick_s = 0.0
        self._rest_at(self._present())
        self.set("Goal Position", round(self._present()))

    def factory_reset(self, keep: tuple[str, ...] = ()) -> None:
        """Registers as from the factory, but for those that are kept."""
        kept = {name: self.get(name) for name in keep}
        defaults = {
            "Model Number": self.table.number,
            "Firmware Version": self.motor.firmware,
            "ID": 1,
            "Baud Rate": 1,  # 57,600
            "Return Delay Time": 250,
            "Operating Mode": POSITION,
            "Secondary(Shadow) ID": NO_SHADOW,
            "Protocol Type": 2,
            "Moving Threshold": 10,
            "Temperature Limit": self.motor.temperature_limit,
            "Max Voltage Limit": 160,
            "Min Voltage Limit": round(10 * LOWEST_VOLTAGE),
            "PWM Limit": self.motor.pwm_limit,
            "Current Limit": self.motor.current_limit,
            "Velocity Limit": round(self.motor.speed / SPEED),
            "Max Position Limit": 4095,
            "Shutdown": int(
                HardwareError.OVERLOAD | HardwareError.ELECTRICAL_SHOCK | HardwareError.OVERHEATING
            ),
        }
        self.begin_from(defaults | kept)
        self.reboot()

    def strain(self) -> None:
        """Has been overloaded for long enough to let go; a fault."""
        self._overloaded_s = math.inf

    def heard(self) -> None:
        """The bus has carried an instruction: its watchdog begins anew."""
        self._silent_s = 0.0

    @property
    def _direction(self) -> int:
        return -1 if self.get("Drive Mode") & REVERSED else 1

    def _present(self) -> float:
        """Ticks, as reported."""
        turned = self._direction * self.shaft.position / TICK
        return CENTER + turned + self.get("Homing Offset")

    def _angle(self, ticks: float) -> float:
        """The shaft's angle at reported ticks, rad."""
        return self._direction * (ticks - self.get("Homing Offset") - CENTER) * TICK

    def _rest_at(self, ticks: float) -> None:
        self._set_point = ticks
        self._profile, self._since_s = Profile(ticks, ticks, 0.0), 0.0

    def _plan(self, goal: float) -> None:
        speed, acceleration = self.get("Profile Velocity"), self.get("Profile Acceleration")
        self._since_s = 0.0
        if self.get("Drive Mode") & BY_TIME:
            ramp = min(acceleration, speed / 2)
            self._profile = Profile(self._set_point, goal, speed / 1000, ramp / 1000)
            return
        units = SPEED / TICK, ACCELERATION / TICK
        self._profile = Profile.by_speed(
            self._set_point, goal, speed * units[0], acceleration * units[1]
        )

    @property
    def drive(self) -> Drive | None:
        """What it does to its shaft; nothing without torque."""
        if not self.powered or not self.get("Torque Enable"):
            return None
        share = self.get("Goal PWM") / self.motor.pwm_limit
        if self.get("Operating Mode") == CURRENT_POSITION:
            allowed = abs(self.get("Goal Current")) * CURRENT
            share = min(share, allowed / self.motor.stall_current)
        stiffness = self.get("Position P Gain") / self.motor.p_gain
        torque = share * self.motor.stall_torque * self.voltage / VOLTAGE
        return Drive(self._angle(self._set_point), stiffness, torque)

    def advance(self, seconds: float) -> None:
        """Lets time go by: the set point moves, it warms up, it looks after itself."""
        if not self.powered:
            return
        self._since_s += seconds
        self._tick_s += seconds
        self._watch(seconds)
        if self.get("Torque Enable"):
            self._set_point = self._profile.at(self._since_s)
        else:
            self._rest_at(self._present())
        current = self.motor.current(self.shaft.torque) if self.get("Torque Enable") else 0.0
        self._temperature = self.motor.warmed(self._temperature, current, seconds)
        self._protect(seconds)

    def _watch(self, seconds: float) -> None:
        limit = self.get("Bus Watchdog")
        self._silent_s += seconds
        if limit not in (0, TRIPPED) and self._silent_s > limit * WATCHDOG:
            self.set("Bus Watchdog", TRIPPED)
            self._rest_at(self._set_point)  # stops where it is on its way

    def _protect(self, seconds: float) -> None:
        strained = abs(self.shaft.torque) > OVERLOAD_SHARE * self.motor.stall_torque
        if strained or self._overloaded_s < OVERLOAD_S:
            self._overloaded_s = self._overloaded_s + seconds if strained else 0.0
        found = HardwareError(self.get("Hardware Error Status"))
        if self._overloaded_s > OVERLOAD_S:
            found |= HardwareError.OVERLOAD
        if self._temperature + self.heat > self.get("Temperature Limit"):
            found |= HardwareError.OVERHEATING
        if self.voltage < self.get("Min Voltage Limit") / 10:
            found |= HardwareError.VOLTAGE
        self.set("Hardware Error Status", int(found))
        if found & HardwareError(self.get("Shutdown")):
            self.set("Torque Enable", 0)

    def _sense(self) -> None:
        direction, torque = self._direction, self.shaft.torque
        share = max(-1.0, min(1.0, torque / self.motor.stall_torque))
        velocity = self.shaft.velocity / SPEED
        present = {
            "Realtime Tick": int(self._tick_s * 1000) % 32768,
            "Moving": int(abs(velocity) > self.get("Moving Threshold")),
            "Moving Status": int(self._since_s >= self._profile.duration),
            "Present PWM": direction * round(share * self.motor.pwm_limit),
            "Present Current": direction * round(self.motor.current(torque) / CURRENT),
            "Present Load": direction * round(share * 1000),
            "Present Velocity": direction * round(velocity),
            "Present Position": round(self._present()),
            "Position Trajectory": round(self._set_point),
            "Present Input Voltage": round(self.voltage * 10),
            "Present Temperature": min(255, round(self._temperature + self.heat)),
        }
        for name, value in present.items():
            self.set(name, value)
