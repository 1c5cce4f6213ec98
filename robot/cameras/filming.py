"""A camera that is filmed while an episode lasts, beside whoever drives."""

from __future__ import annotations

import tempfile
import threading
from importlib import import_module
from pathlib import Path

from robot.cameras.camera import Camera, CameraError
from robot.film import Film, FilmWriter

import_module("av")  # now, not when the first film begins, while an arm is driven


class Filming:
    """Films in a thread of its own until it is ended.

    Args:
        camera: that is looked through; others may do so, too.
        rate: pictures a second, at the most.

    Attributes:
        trouble: what went wrong; empty if nothing did.
    """

    def __init__(self, camera: Camera, rate: float) -> None:
        self.trouble = ""
        self._camera, self._rate = camera, rate
        self._folder = tempfile.TemporaryDirectory(prefix="film-")
        self._stamps: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="filming", daemon=True)
        self._thread.start()

    def end(self) -> Film | None:
        """Films no more; the film, if there is a picture in it. It is gone after :meth:`close`."""
        self._over.set()
        self._thread.join()
        return Film(self._file, tuple(self._stamps)) if self._stamps else None

    def close(self) -> None:
        """Lets go of what was filmed."""
        self.end()
        self._folder.cleanup()

    @property
    def _file(self) -> Path:
        return Path(self._folder.name) / "film.mp4"

    def _run(self) -> None:
        writer = FilmWriter(self._file, round(self._rate))
        try:
            while not self._over.wait(1.0 / self._rate):
                frame = self._camera.latest()
                if not self._stamps or frame.stamp > self._stamps[-1]:
                    writer.write(frame.image)
                    self._stamps.append(frame.stamp)
        except (CameraError, OSError) as error:
            self.trouble = f"the film ends early: {error}"
        finally:
            writer.close()
