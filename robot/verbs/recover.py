"""Starts anew the servos that have let go, and sends the arm to its rest: support it meanwhile."""

from __future__ import annotations

import argparse

from robot.arm_session import arm_session
from robot.verbs.driving import add_port, driven_arm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    add_port(parser)


def run(args: argparse.Namespace) -> None:
    """Reboots those that report errors; then as every session ends."""
    arm = driven_arm(args)
    arm.bus.open()
    try:
        arm.restore()
    finally:
        arm.bus.close()
    with arm_session(arm):
        print("every servo holds; the arm goes to its rest", flush=True)
