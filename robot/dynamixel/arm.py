"""An arm of Dynamixel servos: real ones or virtual ones, which differ in the port alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import cycle

from torch import Tensor

from robot.arm import ArmState
from robot.arm_description import load_arm
from robot.arm_errors import ArmError, BusError, ServoError
from robot.clock import Clock, MachineClock
from robot.dynamixel.bus import ServoBus
from robot.dynamixel.control_table import control_table
from robot.dynamixel.packet import HardwareError
from robot.dynamixel.register_units import CURRENT, FULL_PWM, TRIPPED, WATCHDOG
from robot.dynamixel.serial_port import PATIENCE
from robot.dynamixel.settings import correct, differences
from robot.dynamixel.units import ServoUnits
from robot.dynamixel.wiring import ServoWiring, load_wiring
from robot.safety import load_safety

OLDEST_FIRMWARE = 38  # which knows the time-based profile and secondary ids
POLLED = ("Bus Watchdog", "Present Temperature", "Present Input Voltage")
LOWEST_VOLTAGE = 10.0  # V
REBOOT_S = 2.0  # that a servo may take to answer after it was rebooted
RESTARTED_MS = 200  # by which a servo's clock goes back only when it begins anew
SILENT = 0.06  # s without a measurement of a servo whose joint has another one
STALE = 0.030  # s that a measurement may be older than those before it
TICK_MS = 32_768  # after which a servo's clock begins anew, ms


class DynamixelArm:
    """See :class:`robot.arm.Arm`.

    Every measurement carries the servo's own clock, by which an answer that comes a cycle late is
    known and dropped.

    Args:
        port: such as ``/dev/ttyUSB0``.
        arm: name of its description.
        watchdog: s after which servos stop by themselves when nothing is heard of us; 0 for never.
        clock: tells the time.
        patience: s that an answer may take beyond what bytes and adapter do.

    Attributes:
        missing: servos without a measurement that can be trusted, and since when.
    """

    def __init__(
        self,
        port: str,
        arm: str = "viperx300s",
        watchdog: float = 0.1,
        clock: Clock | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.description, self.wiring = load_arm(arm), load_wiring(arm)
        self._limits = load_safety(arm)
        self.watchdog = watchdog
        self.clock = clock or MachineClock()
        tables = {s.id: control_table(s.model) for s in self.wiring.servos}
        joints = {servo.id: servo.joint for servo in self.wiring.servos}
        self.bus = ServoBus(port, self.wiring.baud, tables, patience, joints)
        self.missing: dict[int, float] = {}
        self._units = ServoUnits(self.wiring)
        self._ids = [servo.id for servo in self.wiring.servos]
        self._offsets: dict[int, float] = {}  # of a servo's clock to ours, the least ever seen
        self._ticks: dict[int, int] = {}  # of its clock, ms, when it was measured last
        self._degrees: dict[int, int] = {}  # of each servo, as they were looked at last
        self._fast = False  # whether all servos can answer in one packet
        self._looks = self._all_looks()
        self._asked = self.clock.now()

    @property
    def degrees(self) -> float:
        """Temperature of its hottest servo, C, as far as was looked; NaN before."""
        return max(self._degrees.values(), default=math.nan)

    def connect(self) -> None:
        """Checks every servo, corrects settings, switches torque on where the arm is.

        Raises:
            ArmError: if a servo is missing, another model, too old, in error, or set wrongly while
                its torque is on.
        """
        self.bus.open()
        self._check_servos()
        wrong = differences(self.bus, self.wiring)
        if wrong and any(self.bus.read(i, "Torque Enable") for i in self._ids):
            raise ServoError(
                f"{wrong[0]}, and cannot be set while torque is on: support the arm, then switch "
                "it off and on"
            )
        correct(self.bus, wrong)
        self.hold()

    def _check_servos(self) -> None:
        for servo in self.wiring.servos:
            number, table = self.bus.ping(servo.id), self.bus.tables[servo.id]
            if number != table.number:
                raise ServoError(
                    f"servo {servo.id} ({servo.joint}) is of model {number}, a {servo.model} "
                    f"({table.number}) belongs there"
                )
            firmware = self.bus.read(servo.id, "Firmware Version")
            if firmware < OLDEST_FIRMWARE:
                raise ServoError(
                    f"servo {servo.id} has firmware {firmware}, it needs {OLDEST_FIRMWARE} or later"
                )
        self._check_errors(self._ids)
        self._fast = len(self._measured(self._ids, fast=True)) == len(self._ids)

    def _check_errors(self, servos: Sequence[int]) -> None:
        for servo in servos:
            if error := HardwareError(self.bus.read(servo, "Hardware Error Status")):
                names = " and ".join(str(flag.name).lower().replace("_", " ") for flag in error)
                raise ServoError(f"servo {servo} ({self._joint(servo)}) reports {names}")

    def restore(self) -> None:
        """Reboots servos that report errors, corrects settings of those that have lost them.

        Raises:
            ArmError: if a servo does not answer, is too hot to go on, or reports errors again.
        """
        for servo in self._ids:
            degrees = self.bus.read(servo, "Present Temperature")
            if degrees > self._limits.temperature_limit:
                raise ServoError(
                    f"servo {servo} ({self._joint(servo)}) is at {degrees} degrees: let the arm "
                    "cool down"
                )
        for servo in self._ids:
            if self.bus.read(servo, "Hardware Error Status"):
                self.bus.reboot(servo)
                self._wait_for(servo)
        wrong = differences(self.bus, self.wiring)
        for servo in {difference.servo for difference in wrong}:
            self.bus.write(servo, "Torque Enable", 0)
        correct(self.bus, wrong)
        self._check_servos()

    def _wait_for(self, servo: int) -> None:
        """Returns when a servo that was rebooted answers again.

        Raises:
            BusError: if it does not.
        """
        ends = self.clock.now() + REBOOT_S
        while True:
            self.clock.sleep(0.05)
            try:
                self.bus.ping(servo)
                return
            except BusError:
                if self.clock.now() > ends:
                    raise

    def _joint(self, servo: int) -> str:
        return next(s.joint for s in self.wiring.servos if s.id == servo)

    def hold(self, strict: bool = True) -> None:
        """Switches torque on, every servo's goal being where it is; watchdogs begin anew.

        Args:
            strict: whether all servos have to; else those that can.

        Raises:
            ArmError: if one does not take it, is beyond its limits, or gives no torque.
        """
        self._offsets.clear()
        self._ticks.clear()
        holding: list[int] = []
        for servo in self.wiring.servos:
            try:
                self._stay(servo)
                holding.append(servo.id)
            except ArmError:
                if strict:
                    raise
        for servo in holding:
            self.bus.write(servo, "Torque Enable", 1)
        for servo in holding:
            if strict and not self.bus.read(servo, "Torque Enable"):
                raise ServoError(f"servo {servo} ({self._joint(servo)}) does not switch torque on")
        for servo in holding:
            self.bus.write(servo, "Bus Watchdog", round(self.watchdog / WATCHDOG))

    def _stay(self, servo: ServoWiring) -> None:
        """Makes where a servo is its goal."""
        self.bus.write(servo.id, "Bus Watchdog", 0)  # while it has tripped goals are refused
        present = self.bus.read(servo.id, "Present Position")
        if not servo.may_be_at(present):
            low, high = servo.limits
            raise ServoError(
                f"servo {servo.id} ({servo.joint}) is at {present}, beyond its limits {low} to "
                f"{high}: move the joint back by hand"
            )
        self.bus.write(servo.id, "Goal Position", servo.within(present))
        if servo.current is not None:
            self.bus.write(servo.id, "Goal Current", round(servo.current / CURRENT))
        if servo.pwm is not None:
            self.bus.write(servo.id, "Goal PWM", round(servo.pwm * FULL_PWM))

    def read(self) -> ArmState:
        """What it measures, all joints at nearly the same moment.

        Raises:
            BusError: if a joint has no servo left whose measurement can be trusted.
            ServoError: if a servo reports an error of its own.
        """
        asked = self.clock.now()
        if 0 < self.watchdog < asked - self._asked:
            self._looks = self._all_looks()
        self._asked = asked
        # One that is silent would silence those after it.
        found = self._measured(self._ids, fast=self._fast and not self.missing)
        # Once more, whoever was heard until now: a byte may have been lost.
        if again := [i for i in self._ids if i not in found and i not in self.missing]:
            found |= self._measured(again)
        fresh = {i: values for i, values in found.items() if self._is_fresh(i, values, asked)}
        for servo in self._ids:
            if servo in fresh:
                self.missing.pop(servo, None)
            else:
                self.missing.setdefault(servo, asked)
        if self.bus.alerts:
            self._check_errors(sorted(self.bus.alerts))
        self._look()
        measured = [self._of_joint(leader, fresh) for leader in self._units.leaders]
        for servo, since in self.missing.items():
            if self._is_one_of_several(servo) and asked - since >= SILENT:
                raise ServoError(
                    f"servo {servo} ({self._joint(servo)}) does not answer: the other one of the "
                    "joint carries it alone"
                )
        ticks = [values["Present Position"] for values in measured]
        speeds = [values["Present Velocity"] for values in measured]
        currents = {i: values["Present Current"] for i, values in fresh.items()}
        return ArmState(
            self._units.positions(ticks),
            self._units.velocities(speeds, ticks),
            self._units.currents(currents),
            asked,
        )

    def _measured(self, servos: Sequence[int], fast: bool = False) -> dict[int, dict[str, int]]:
        return self.bus.sync_read(servos, "Realtime Tick", "Present Position", fast)

    def _is_one_of_several(self, servo: int) -> bool:
        """Whether its joint has other servos."""
        joint = self._joint(servo)
        return sum(s.joint == joint for s in self.wiring.servos) > 1

    def _all_looks(self) -> Iterator[tuple[int, str]]:
        """Whom to look at and where, without end; first who may have stopped."""
        return cycle((i, name) for name in POLLED for i in self._ids)

    def _look(self) -> None:
        """Looks at one register of one servo, another at each measurement."""
        servo, name = next(self._looks)
        if servo in self.missing:
            return  # that is known already, and asking it takes longer than a cycle
        try:
            value = self.bus.read(servo, name)
        except BusError:
            return  # a silent servo is noticed by what it does not measure
        where = f"servo {servo} ({self._joint(servo)})"
        if name == "Bus Watchdog" and value == TRIPPED:
            raise ServoError(
                f"{where} has stopped: it heard nothing for {self.watchdog} s, this machine is busy"
            )
        if name == "Present Temperature":
            self._degrees[servo] = value
        if name == "Present Temperature" and value > self._limits.temperature_limit:
            raise ServoError(f"{where} is at {value} degrees: let the arm cool down")
        if name == "Present Input Voltage" and value / 10 < LOWEST_VOLTAGE:
            raise ServoError(f"{where} has {value / 10} V: look at the power supply")

    def _is_fresh(self, servo: int, values: dict[str, int], asked: float) -> bool:
        """Whether a measurement is of now, by the servo's clock.

        Raises:
            ServoError: if that has begun anew: the servo has, and lost its torque.
        """
        tick = values["Realtime Tick"]
        offset = (asked - tick / 1000) % (TICK_MS / 1000)
        least = self._offsets.setdefault(servo, offset)
        behind = (offset - least + TICK_MS / 2000) % (TICK_MS / 1000) - TICK_MS / 2000
        fresh = -RESTARTED_MS / 1000 < behind <= STALE
        if fresh and behind < 0:
            self._offsets[servo] = offset
        if not fresh and tick < self._ticks.get(servo, 0) - RESTARTED_MS:
            raise ServoError(
                f"servo {servo} ({self._joint(servo)}) has restarted and lost its torque: look at "
                "its power and its cables"
            )
        if fresh:
            self._ticks[servo] = tick
        return fresh

    def _of_joint(self, leader: int, fresh: dict[int, dict[str, int]]) -> dict[str, int]:
        """What a joint's servo measures: its leader or, if that is silent, one that shadows it."""
        joint = self._joint(leader)
        for servo in self.wiring.servos:
            if servo.joint == joint and servo.id in fresh:
                return fresh[servo.id]
        raise BusError(f"servo {leader} ({joint}) does not answer")

    def command(self, target: Tensor) -> Tensor:
        """Sends targets ``[A]``; returns them as servos take them, within their limits.

        Raises:
            BusError: if nothing can be sent.
        """
        goals = self._units.goals(target)
        self.bus.sync_write("Goal Position", goals)
        return self._units.positions(list(goals.values()))

    def close(self) -> None:
        """Switches torque off, of every servo that hears it, and closes the port."""
        if not self.bus.port.is_open:
            return
        try:
            for name in ("Bus Watchdog", "Torque Enable"):
                self.bus.sync_write(name, dict.fromkeys(self._ids, 0))
        except BusError:
            pass  # the watchdog has servos hold; there is nothing to be done from here
        finally:
            self.bus.close()
