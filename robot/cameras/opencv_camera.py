"""A camera that OpenCV knows: pictures are taken in a thread, whoever asks has the last one."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from robot.cameras.camera import CameraError, Frame, Lens
from robot.clock import Clock, MachineClock

OLDEST = 0.5  # s that the last picture may be old


class OpenCVCamera:
    """See :class:`robot.cameras.camera.Camera`.

    Args:
        source: number of a device, or the path of one or of a film.
        lens: pixels that are asked of it, and its focal length.
        clock: gives the stamps.

    Raises:
        CameraError: if it cannot be opened, or gives pictures of another size.
    """

    def __init__(self, source: int | str, lens: Lens, clock: Clock | None = None) -> None:
        self._source, self._lens, self._clock = source, lens, clock or MachineClock()
        self._capture = cv2.VideoCapture(source)
        if not self._capture.isOpened():
            raise CameraError(
                f"camera {source} cannot be opened: is it plugged in, and are you in group video?"
            )
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, lens.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, lens.height)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what waits in a buffer is old
        size = tuple(
            int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if size != (lens.width, lens.height):
            self._capture.release()
            raise CameraError(
                f"camera {source} gives pictures of {size[0]} x {size[1]}, "
                f"{lens.width} x {lens.height} were asked for: give a lens of its size"
            )
        self._last: Frame | None = None
        self._came = threading.Event()
        self._going = True
        self._thread = threading.Thread(target=self._take, name=f"camera {source}", daemon=True)
        self._thread.start()

    @property
    def lens(self) -> Lens:
        """As it was given."""
        return self._lens

    def latest(self) -> Frame:
        """The last picture; waits for the first one only.

        Raises:
            CameraError: if there is none, or it is old: the camera has stopped.
        """
        self._came.wait(OLDEST)
        frame = self._last
        if frame is None:
            raise CameraError(f"camera {self._source} gives no picture: is it plugged in?")
        age = self._clock.now() - frame.stamp
        if age > OLDEST:
            said = f"camera {self._source} has stopped {age:.1f} s ago: is it plugged in?"
            raise CameraError(said)
        return frame

    def close(self) -> None:
        """Stops and lets go of it."""
        self._going = False
        self._thread.join()
        self._capture.release()

    def _take(self) -> None:
        while self._going:
            there, image = self._capture.read()
            if not there:
                return  # what is asked of it from now on grows old
            rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            self._last = Frame(rgb, self._clock.now())
            self._came.set()
