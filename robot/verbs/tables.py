"""What an arm's table is seen by, and who puts things on it, as the arguments say."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from torch import Tensor

from robot.arm_description import load_arm
from robot.cameras.calibration import load_calibration
from robot.cameras.camera import Camera
from robot.cameras.tabletop import CameraTabletop
from robot.simulation.task import SimulatedTask
from robot.tabletop import Tabletop
from robot.virtual.tabletop import VirtualTabletop
from robot.virtual.world import VirtualWorld


def table_named(
    args: argparse.Namespace, task: SimulatedTask, camera: Camera | None, opened: ExitStack
) -> Tabletop:
    """The table.

    A camera, if one is given, says where things are, the simulation if none is. A person puts them
    there, unless the arm is virtual.

    Args:
        args: port, arm, calibration.
        task: whose things lie there.
        camera: that says where they are; the simulation does, if None.
        opened: what is to be closed in the end goes there.

    Raises:
        FileNotFoundError: if no camera is given and the arm is not virtual, or none was calibrated.
    """
    try:
        world = VirtualWorld(args.port)
    except FileNotFoundError as error:
        if camera is None:
            raise FileNotFoundError(
                f"{error}, and a real one does not know where things are: give --camera"
            ) from error
        put = person(task)
    else:
        opened.callback(world.close)
        if camera is None:
            return VirtualTabletop(world, task)
        put = partial(world.ask, "reset")
    place = load_calibration(Path(args.calibration)).base_from_camera
    return CameraTabletop(camera, place, task, load_arm(args.arm), put)


def person(task: SimulatedTask) -> Callable[[Tensor], None]:
    """Asks whoever is there to put things where task parameters want them, and waits."""
    console = Console()

    def put(phi: Tensor) -> None:
        wanted = ", ".join(
            f"{name} {math.degrees(value):.0f} degrees"
            if name.endswith("yaw")
            else f"{name} {value:.3f} m"
            for name, value in zip(task.phi_space.names, phi.tolist(), strict=True)
        )
        console.input(f"Put the objects so: {wanted} from the arm's base. Then Enter: ")

    return put
