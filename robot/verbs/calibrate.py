"""Finds out where a camera is: the arm carries a tag before it. Saves, and compares with before.

The tag is number 100 of family 36h11, its black square 4 cm wide, fixed to the back of the gripper.
"""

from __future__ import annotations

import argparse
import json
import math
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from robot.arm_session import arm_session, go
from robot.cameras.calibration import calibrate, load_calibration
from robot.cameras.guided import GRIPPER_TAG_SIZE, carry, poses
from robot.tables import VIRTUAL
from robot.verbs.cameras import add_camera, camera_named
from robot.verbs.driving import add_port, driven_arm

SAME = 0.005, math.radians(1)  # m and rad by which a camera that was not touched may be off


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port, the camera."""
    add_port(parser)
    add_camera(parser, default=VIRTUAL)


def run(args: argparse.Namespace) -> None:
    """Carries the tag, solves, saves; says by how much the camera has moved."""
    arm, console = driven_arm(args), Console(width=None if Console().is_terminal else 100)
    path = Path(args.calibration)
    with arm_session(arm) as loop, ExitStack() as opened:
        camera = camera_named(args, loop.clock, opened)
        if camera is None:
            raise ValueError("which camera? Give --camera")
        go([loop], [arm.description.home_command], loop.clock)
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("carrying the tag", total=len(poses()))
            hands, seen = carry(loop, camera, lambda _: progress.advance(bar))
    found = calibrate(hands, seen, GRIPPER_TAG_SIZE, camera.lens)
    console.print(
        f"seen in {found.poses} of {len(poses())} poses, corners off by {found.error:.2f} pixels"
    )
    x, y, z = found.base_from_camera[:3, 3]
    console.print(f"the camera is at {x:.3f} {y:.3f} {z:.3f} m from the arm's base")
    moved = math.nan
    if path.is_file():
        moved, turned = load_calibration(path).moved(found)
        where = "where it was" if moved <= SAME[0] and turned <= SAME[1] else "NOT where it was"
        console.print(
            f"it is {where}: {1000 * moved:.1f} mm and {math.degrees(turned):.2f} degrees from the "
            f"last calibration in {path}"
        )
    found.save(path)
    row = {"calibration/error": found.error, "calibration/poses": found.poses}
    print("RESULT", json.dumps(row | ({"calibration/moved": moved} if path.is_file() else {})))
