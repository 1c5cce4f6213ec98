"""Arguments that say which camera looks, and the camera they say."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from robot.cameras.camera import Camera, Lens
from robot.cameras.opencv_camera import OpenCVCamera
from robot.clock import Clock
from robot.virtual.camera_process import CameraProcess

VIRTUAL = "virtual"
CALIBRATION = "data/camera.yaml"


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
    if args.camera == VIRTUAL:
        camera = CameraProcess(args.port, clock)
        opened.callback(camera.close)
        return camera
    width, _, height = args.size.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"--size is {args.size!r}, it is such as 1280x720")
    lens = Lens(int(width), int(height), args.focal or float(width))
    source = int(args.camera) if args.camera.isdecimal() else args.camera
    camera = OpenCVCamera(source, lens, clock)
    opened.callback(camera.close)
    return camera
