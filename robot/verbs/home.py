"""Drives an arm to where episodes begin, and holds it there until Ctrl-C; then it rests."""

from __future__ import annotations

import argparse

from robot.arm_session import arm_session, go
from robot.verbs.driving import add_port, driven_arm

LOOK = 0.5  # s between two looks at whether all is well


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port, and for how long."""
    add_port(parser)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then it rests")


def run(args: argparse.Namespace) -> None:
    """Goes there, holds, rests."""
    arm = driven_arm(args)
    with arm_session(arm) as loop:
        go([loop], [arm.description.home_command], loop.clock)
        print("at home; Ctrl-C sends it to its rest", flush=True)
        ends = loop.clock.now() + args.seconds
        while loop.clock.now() < ends:
            loop.until(min(ends, loop.clock.now() + LOOK))
