"""Tables as configs and the command line name them: who sees them, who puts things there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from torch import Tensor

from robot.arm_description import ArmDescription
from robot.cameras.calibration import load_calibration
from robot.cameras.camera import Camera, Lens
from robot.cameras.opencv_camera import OpenCVCamera
from robot.cameras.tabletop import CameraTabletop
from robot.clock import Clock
from robot.simulation.task import SimulatedTask
from robot.tabletop import Tabletop
from robot.virtual.camera_process import CameraProcess
from robot.virtual.tabletop import VirtualTabletop
from robot.virtual.world import VirtualWorld

VIRTUAL = "virtual"
CALIBRATION = "data/camera.yaml"


@dataclass(frozen=True)
class TableCamera:
    """A camera over a table.

    Attributes:
        source: number or path of a device; ``virtual`` over a virtual arm.
        calibration: file of ``python -m robot calibrate``, which says where it is.
        width: of a device's pictures, pixels.
        height: likewise.
        focal: pixels; about the width, if it is not known.
    """

    source: int | str
    calibration: str = CALIBRATION
    width: int = 1280
    height: int = 720
    focal: float | None = None

    def open(self, port: str, clock: Clock) -> Camera:
        """Opens it; whoever does closes it.

        Args:
            port: of the arm.
            clock: gives the stamps.

        Raises:
            CameraError: if there is no such camera.
        """
        if self.source == VIRTUAL:
            return CameraProcess(port, clock)
        lens = Lens(self.width, self.height, self.focal or float(self.width))
        return OpenCVCamera(self.source, lens, clock)


def virtual_world(port: str, camera: object) -> VirtualWorld | None:
    """The simulation behind a port; none behind that of a real arm, which a camera looks at.

    Raises:
        FileNotFoundError: if there is neither.
    """
    try:
        return VirtualWorld(port)
    except FileNotFoundError as error:
        if camera is None:
            raise FileNotFoundError(
                f"{error}, and a real one does not know where things are: give it a camera"
            ) from error
        return None


def table_of(
    task: SimulatedTask,
    arm: ArmDescription,
    world: VirtualWorld | None,
    camera: Camera | None,
    calibration: str = CALIBRATION,
) -> Tabletop:
    """The table of an arm.

    Args:
        task: whose things lie there.
        arm: that is driven.
        world: that puts things there; a person does, if None.
        camera: that says where they are; the simulation does, if None.
        calibration: of the camera.

    Raises:
        FileNotFoundError: if the camera was not calibrated.
        ValueError: if its calibration is none, or there is neither a simulation nor a camera.
    """
    if camera is None:
        if world is None:
            raise ValueError("neither a simulation nor a camera says where things are")
        return VirtualTabletop(world, task)
    place = load_calibration(Path(calibration)).base_from_camera
    put = person(task) if world is None else partial(world.ask, "reset")
    return CameraTabletop(camera, place, task, arm, put)


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
