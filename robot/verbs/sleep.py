"""Sends an arm to its rest and lets go of it."""

from __future__ import annotations

import argparse

from robot.arm_session import arm_session
from robot.verbs.driving import add_port, driven_arm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    add_port(parser)


def run(args: argparse.Namespace) -> None:
    """As every session ends."""
    with arm_session(driven_arm(args)):
        pass
