"""Looks at every servo of an arm and says what is wrong; nothing moves."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from robot.arm_errors import BusError
from robot.dynamixel.arm import OLDEST_FIRMWARE, DynamixelArm
from robot.dynamixel.packet import HardwareError
from robot.dynamixel.settings import differences
from robot.dynamixel.wiring import ServoWiring
from robot.safety import load_safety
from robot.verbs.driving import add_port, driven_arm

LOW_VOLTAGE = 11.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    add_port(parser)


def run(args: argparse.Namespace) -> None:
    """Prints a table and advice; the exit status is 1 if there is any."""
    arm = driven_arm(args)
    arm.bus.open()
    table = Table(title=f"{args.arm} on {args.port}")
    for column in ("servo", "joint", "model", "firmware", "position", "V", "degrees C", "errors"):
        table.add_column(column, justify="left" if column in ("joint", "model") else "right")
    advice: list[str] = []
    try:
        for servo in arm.wiring.servos:
            try:
                cells, said = _look_at(arm, servo)
            except BusError as error:
                cells, said = ["-"] * 4 + ["no answer"], [f"{error}: is its cable plugged in?"]
            table.add_row(str(servo.id), servo.joint, servo.model, *cells)
            advice += said
        if not advice:
            advice += [f"{d}: connecting sets it" for d in differences(arm.bus, arm.wiring)]
    finally:
        arm.bus.close()
    console = Console(width=None if Console().is_terminal else 110)
    console.print(table)
    advice = list(dict.fromkeys(advice))  # of both servos of a joint the same, once
    for line in advice:
        console.print(f"- {line}")
    console.print("All is well." if not advice else f"{len(advice)} to look at.")
    sys.exit(1 if advice else 0)


def _look_at(arm: DynamixelArm, servo: ServoWiring) -> tuple[list[str], list[str]]:
    """A servo's cells of the table, and what there is to do about it."""
    bus, advice = arm.bus, list[str]()
    number, table = bus.ping(servo.id), bus.tables[servo.id]
    if number != table.number:
        advice.append(f"servo {servo.id} is of model {number}: a {servo.model} belongs there")
    firmware = bus.read(servo.id, "Firmware Version")
    if firmware < OLDEST_FIRMWARE:
        advice.append(f"servo {servo.id} has firmware {firmware}: update it")
    position = bus.read(servo.id, "Present Position")
    if not servo.may_be_at(position):
        advice.append(f"{servo.joint} is beyond its limits: move it back by hand")
    volts = bus.read(servo.id, "Present Input Voltage") / 10
    if volts < LOW_VOLTAGE:
        advice.append(f"servo {servo.id} has {volts} V: look at the power supply")
    degrees = bus.read(servo.id, "Present Temperature")
    if degrees > load_safety(arm.description.name).temperature_limit:
        advice.append(f"servo {servo.id} is at {degrees} degrees: let it cool down")
    errors = HardwareError(bus.read(servo.id, "Hardware Error Status"))
    said = " ".join(str(flag.name).lower() for flag in errors)
    if errors:
        advice.append(f"servo {servo.id} reports {said}: switch the arm off and on")
    return [str(firmware), str(position), f"{volts:.1f}", str(degrees), said], advice
