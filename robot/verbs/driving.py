"""Arguments that say which arm is driven, and the arm they say."""

from __future__ import annotations

import argparse

from robot.dynamixel.arm import DynamixelArm


def add_port(parser: argparse.ArgumentParser) -> None:
    """The port, of a real arm or a virtual one."""
    parser.add_argument("--port", required=True, help="such as /dev/ttyUSB0")


def driven_arm(args: argparse.Namespace) -> DynamixelArm:
    """The arm on the port."""
    return DynamixelArm(args.port, args.arm)
