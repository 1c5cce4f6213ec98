"""A camera over a virtual arm's table: draws what is there, with noise."""

from __future__ import annotations

import numpy as np

from robot.cameras.camera import Frame, Lens, Transform
from robot.cameras.transforms import looking_at
from robot.clock import Clock
from robot.simulation.rendering import Renderer
from robot.simulation.tags import EYE, tagged
from robot.virtual.world import VirtualWorld

LENS = Lens(1280, 960, 1150.0)
NOISE = 4.0  # of 255, a pixel's
# Opposite the arm, above the table, all of which it sees.
VIEW = looking_at(np.array([0.85, 0.0, 0.75]), np.array([0.33, 0.0, 0.03]))


class VirtualCamera:
    """See :class:`robot.cameras.camera.Camera`. A picture is taken when it is asked for.

    Args:
        world: of the virtual arm.
        clock: tells the time.
        base_from_camera: where it is.
        lens: of it.
        noise: standard deviation of a pixel, of 255.
        seed: of the noise.

    Raises:
        NoOpenGLError: if this machine cannot render offscreen.
    """

    def __init__(
        self,
        world: VirtualWorld,
        clock: Clock,
        base_from_camera: Transform = VIEW,
        lens: Lens = LENS,
        noise: float = NOISE,
        seed: int = 0,
    ) -> None:
        self._world, self._clock = world, clock
        self._pose, self._lens = np.ascontiguousarray(base_from_camera).tobytes(), lens
        self._noise, self._chance = noise, np.random.default_rng(seed)
        self._renderer: Renderer | None = Renderer(lens.width, lens.height)

    @property
    def lens(self) -> Lens:
        """As it was given."""
        return self._lens

    def latest(self) -> Frame:
        """The table as it is now."""
        assert self._renderer is not None, "the camera is closed"
        scene, positions = self._world.ask("scene")
        model = tagged(scene, self._pose, self._lens)
        image = self._renderer.draw(model, positions[None], camera=EYE)[0].astype(np.float32)
        image += self._noise * self._chance.standard_normal(image.shape, dtype=np.float32)
        return Frame(np.clip(image, 0, 255).astype(np.uint8), self._clock.now())

    def close(self) -> None:
        """Frees what draws."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
