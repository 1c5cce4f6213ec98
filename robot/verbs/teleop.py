"""Drives the arm from a phone or a computer: prints a code to scan and an address.

Nothing is recorded: see `record`.
"""

from __future__ import annotations

import argparse

from robot.verbs.tasks import task_named
from robot.verbs.teleoperating import add_teleoperation, teleoperate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which arm, what is seen of it, where the page is, who drives."""
    add_teleoperation(parser)


def run(args: argparse.Namespace) -> None:
    """Serves until it is interrupted."""
    teleoperate(args, task_named(args.task, args.phi_set))
