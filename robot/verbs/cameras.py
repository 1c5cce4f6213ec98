"""Arguments that say which camera looks at the table, and the camera and table they say."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from robot.arm_description import load_arm
from robot.cameras.camera import Camera
from robot.clock import Clock
from robot.simulation.task import SimulatedTask
from robot.tables import CALIBRATION, TableCamera, table_of, virtual_world
from robot.tabletop import Tabletop


def add_camera(parser: argparse.ArgumentParser, default: str | None) -> None:
    """The camera, its lens, and where its calibration is kept."""
    said = "number or path of a device; 'virtual' over a virtual arm"
    parser.add_argument("--camera", default=default, help=said)
    parser.add_argument("--size", default="1280x720", help="pixels of a device's pictures")
    parser.add_argument("--focal", type=float, help="pixels; about the width, if it is not known")
    parser.add_argument("--calibration", default=CALIBRATION, help="file")


def camera_named(args: argparse.Namespace, clock: Clock, opened: ExitStack) -> Camera | None:
    """The camera that is asked for, if one is.

    Args:
        args: of :func:`add_camera`, and the arm's port.
        clock: gives the stamps.
        opened: closes it in the end.

    Raises:
        ValueError: if the size is none.
        CameraError: if there is no such camera.
    """
    if args.camera is None:
        return None
    width, _, height = args.size.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"--size is {args.size!r}, it is such as 1280x720")
    source = int(args.camera) if args.camera.isdecimal() else args.camera
    named = TableCamera(source, args.calibration, int(width), int(height), args.focal)
    camera = named.open(args.port, clock)
    opened.callback(camera.close)
    return camera


def table_named(
    args: argparse.Namespace, task: SimulatedTask, camera: Camera | None, opened: ExitStack
) -> Tabletop:
    """The table of the arm that is asked for; see :func:`robot.tables.table_of`.

    Args:
        args: port, arm, calibration.
        task: whose things lie there.
        camera: that says where they are; the simulation does, if None.
        opened: what is to be closed in the end goes there.

    Raises:
        FileNotFoundError: if no camera is given and the arm is not virtual, or none was calibrated.
    """
    world = virtual_world(args.port, camera)
    if world is not None:
        opened.callback(world.close)
    return table_of(task, load_arm(args.arm), world, camera, args.calibration)
