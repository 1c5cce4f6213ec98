"""Shows what an arm measures, ten times a second, until Ctrl-C; nothing moves, nothing is held."""

from __future__ import annotations

import argparse
import time

from rich.console import Group
from rich.live import Live
from rich.table import Table

from robot.arm_errors import ArmError
from robot.dynamixel.arm import DynamixelArm
from robot.verbs.driving import add_port, driven_arm

PERIOD = 0.1  # s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port, and for how long."""
    add_port(parser)
    parser.add_argument("--seconds", type=float, default=float("inf"))


def run(args: argparse.Namespace) -> None:
    """A live table; what is wrong stands below it, and is looked at again."""
    arm = driven_arm(args)
    arm.bus.open()
    ends = time.monotonic() + args.seconds
    try:
        with Live(refresh_per_second=10) as live:
            while time.monotonic() < ends:
                live.update(_now(arm))
                time.sleep(PERIOD)
    finally:
        arm.bus.close()


def _now(arm: DynamixelArm) -> Group | Table:
    table = Table(title=arm.description.name)
    for column in ("joint", "position", "velocity", "current, A"):
        table.add_column(column, justify="left" if column == "joint" else "right")
    try:
        state = arm.read()
    except ArmError as error:
        return Group(table, str(error))
    for name, *values in zip(
        arm.description.action_names,
        state.position.tolist(),
        state.velocity.tolist(),
        state.current.tolist(),
        strict=True,
    ):
        table.add_row(name, *(f"{value:.3f}" for value in values))
    return table
