"""Pictures of the simulated arm, drawn offscreen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robot.simulation.opengl import create_context
from robot.simulation.scene import CAMERA, compile_scene
from robot.simulation.task import SimulatedTask

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Polyline:
    """A path drawn over a scene: points ``[n, 3]`` (m), colour, radius (m)."""

    points: NDArray[np.float64]
    rgba: tuple[float, float, float, float]
    radius: float = 0.002


class Renderer:
    """Draws scenes of a task; use as a context manager.

    Args:
        width: pixels.
        height: pixels.

    Raises:
        NoOpenGLError: if this machine cannot render offscreen.
    """

    def __init__(self, width: int = 320, height: int = 240) -> None:
        self.width, self.height = width, height
        self._context = create_context(width, height)
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._model: mujoco.MjModel | None = None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the context."""
        self._model = None
        self._context.free()

    def frames(
        self,
        task: SimulatedTask,
        phi: Tensor,
        positions: Tensor,
        overlay: Sequence[Polyline] = (),
    ) -> Image:
        """Draws a task's scene at several moments.

        Args:
            task: whose scene it is.
            phi: task parameters ``[P]``.
            positions: of joints and objects, ``[T, nq]``, as ``rollout`` keeps them.
            overlay: paths drawn over every frame.

        Returns:
            uint8 ``[T, height, width, 3]``.
        """
        return self.draw(compile_scene(task.scene(phi)), positions, overlay=overlay)

    def draw(
        self,
        model: mujoco.MjModel,
        positions: Tensor,
        camera: str = CAMERA,
        overlay: Sequence[Polyline] = (),
    ) -> Image:
        """Draws a model at several moments.

        Args:
            model: what is drawn.
            positions: of its joints and objects, ``[T, >= nq]``.
            camera: name of the model's camera that looks.
            overlay: paths drawn over every frame.

        Returns:
            uint8 ``[T, height, width, 3]``.
        """
        self._context.make_current()
        if model is not self._model:
            self._load(model)
        self._camera.fixedcamid = model.camera(camera).id
        out = np.empty((len(positions), self.height, self.width, 3), dtype=np.uint8)
        for frame, position in zip(out, positions.to(torch.float64).numpy(), strict=True):
            self._draw(model, position[: model.nq], overlay)
            mujoco.mjr_readPixels(frame, None, self._viewport, self._gpu)
        return out[:, ::-1]

    def _load(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._scene = mujoco.MjvScene(model, maxgeom=2000)
        self._gpu = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._gpu)
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED

    def _draw(
        self, model: mujoco.MjModel, position: NDArray[np.float64], overlay: Sequence[Polyline]
    ) -> None:
        self._data.qpos[:] = position
        mujoco.mj_forward(model, self._data)
        mujoco.mjv_updateScene(
            model,
            self._data,
            self._option,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        for line in overlay:
            self._add(line)
        mujoco.mjr_render(self._viewport, self._scene, self._gpu)

    def _add(self, line: Polyline) -> None:
        for start, end in zip(line.points, line.points[1:], strict=False):
            if self._scene.ngeom >= self._scene.maxgeom:
                return
            geom = self._scene.geoms[self._scene.ngeom]
            mujoco.mjv_initGeom(
                geom,
                mujoco.mjtGeom.mjGEOM_CAPSULE,
                np.zeros(3),
                np.zeros(3),
                np.zeros(9),
                np.array(line.rgba, dtype=np.float32),
            )
            mujoco.mjv_connector(geom, mujoco.mjtGeom.mjGEOM_CAPSULE, line.radius, start, end)
            self._scene.ngeom += 1
