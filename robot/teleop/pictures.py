"""A camera's pictures as whoever looks on gets them: small, few, and taken only while looked at."""

from __future__ import annotations

import io
import threading
from collections.abc import Generator
from contextlib import contextmanager

from PIL import Image

from robot.cameras.camera import Camera, CameraError
from robot.clock import promptly

WIDTH = 480  # pixels
WAIT = 2.0  # s
PERIOD = 0.2  # s between two pictures, at the least


class Pictures:
    """Takes pictures in a thread of its own.

    Args:
        camera: others may look through it, too.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._changed = threading.Condition()
        self._watching = self._number = 0
        self._picture: bytes | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
        self._thread.start()

    @contextmanager
    def watched(self) -> Generator[None]:
        """While somebody looks."""
        with self._changed:
            self._watching += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._watching -= 1

    @property
    def over(self) -> bool:
        """Whether no more are taken."""
        return self._over.is_set()

    def after(self, number: int) -> tuple[int, bytes | None]:
        """Waits a while for a JPEG newer than that of a number; its own number, and it.

        None if there is none yet.
        """
        with self._changed:
            newer = self._changed.wait_for(lambda: self.over or self._number > number, WAIT)
            return self._number, self._picture if newer and not self.over else None

    def close(self) -> None:
        """Takes no more."""
        self._over.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        promptly()  # who holds Python's lock must not be kept waiting for the machine
        while not self._over.wait(PERIOD):
            with self._changed:
                if not self._changed.wait_for(lambda: self._watching > 0, WAIT):
                    continue
            try:
                picture = _jpeg(Image.fromarray(self._camera.latest().image))
            except CameraError:
                continue
            with self._changed:
                self._picture, self._number = picture, self._number + 1
                self._changed.notify_all()


def _jpeg(image: Image.Image) -> bytes:
    kept = io.BytesIO()
    image.resize((WIDTH, WIDTH * image.height // image.width)).save(kept, "JPEG", quality=75)
    return kept.getvalue()
