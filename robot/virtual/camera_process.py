"""A virtual arm's camera that draws in a process of its own: whoever drives is not held up."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import Connection
from typing import Any

from robot.cameras.camera import CameraError, Frame, Lens
from robot.clock import Clock, MachineClock
from robot.virtual.camera import LENS, NOISE, VirtualCamera
from robot.virtual.world import VirtualWorld

LAST = 10  # added to the niceness of who draws: a picture can wait


class CameraProcess:
    """See :class:`robot.cameras.camera.Camera`.

    Args:
        port: of the virtual arm.
        clock: tells the time.
        lens: of it.
        noise: of its pictures, as of :class:`robot.virtual.camera.VirtualCamera`.
    """

    def __init__(self, port: str, clock: Clock, lens: Lens = LENS, noise: float = NOISE) -> None:
        self._clock, self._lens = clock, lens
        spawning = multiprocessing.get_context("spawn")
        self._line, theirs = spawning.Pipe()
        self._process = spawning.Process(
            target=_draw, args=(theirs, port, lens, noise), daemon=True
        )
        self._process.start()
        self._asking = threading.Lock()
        theirs.close()

    @property
    def lens(self) -> Lens:
        """As it was given."""
        return self._lens

    def latest(self) -> Frame:
        """The table as it is now; waits until it is drawn.

        Raises:
            CameraError: if whoever draws has ended.
        """
        try:
            with self._asking:
                self._line.send(True)
                return Frame(self._line.recv(), self._clock.now())
        except (EOFError, OSError) as error:
            raise CameraError("the virtual camera has ended") from error

    def close(self) -> None:
        """Ends whoever draws."""
        self._line.close()
        self._process.join(5.0)
        self._process.kill()


def _draw(line: Connection[Any, Any], port: str, lens: Lens, noise: float) -> None:
    """Draws whenever it is asked to, until nobody is there to ask."""
    os.nice(LAST)
    camera = VirtualCamera(VirtualWorld(port), MachineClock(), lens=lens, noise=noise)
    try:
        while line.recv():
            line.send(camera.latest().image)
    except (EOFError, OSError):
        camera.close()
