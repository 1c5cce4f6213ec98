"""The table of a virtual arm: things are where they should be, and seen as a camera would."""

from __future__ import annotations

import torch
from torch import Tensor

from robot.arm import ArmState
from robot.observation import SeenObjects
from robot.schema import MAX_OBJECTS
from robot.simulation.task import SimulatedTask, WorldState
from robot.virtual.world import VirtualWorld


class VirtualTabletop:
    """See :class:`robot.tabletop.Tabletop`.

    Args:
        world: of the virtual arm.
        task: whose things lie there.
    """

    def __init__(self, world: VirtualWorld, task: SimulatedTask) -> None:
        self._world, self._task = world, task
        self._size = torch.zeros(1, MAX_OBJECTS, 3)
        self._mask = torch.zeros(1, MAX_OBJECTS)
        self._error = torch.zeros(1, 3)
        self._seen: WorldState = world.ask("world")

    def reset(self, phi: Tensor) -> None:
        """Puts them there at once."""
        self._world.ask("reset", phi)
        self._know(phi)

    def expect(self, phi: Tensor) -> None:
        """Leaves them where they are."""
        self._world.ask("expect", phi)
        self._know(phi)

    def _know(self, phi: Tensor) -> None:
        shapes = self._task.scene(phi).objects
        self._mask = (torch.arange(MAX_OBJECTS) < len(shapes)).float()[None]
        self._size = torch.zeros(1, MAX_OBJECTS, 3)
        for slot, shape in enumerate(shapes):
            self._size[0, slot] = torch.tensor(shape.half_extents)
        self._error = self._task.camera_error(phi[None])
        self._seen = self._world.ask("world")

    def observe(self, state: ArmState) -> None:
        """Asks where they are."""
        self._seen = self._world.ask("world")

    def objects(self) -> SeenObjects:
        """Where they are, and by how much the task has the camera err."""
        seen = self._seen.object_position + self._error[:, None] * self._mask[..., None]
        rotation = self._seen.object_rotation
        return SeenObjects(seen, rotation, self._size.clone(), self._mask.clone())

    def success(self, state: ArmState) -> bool:
        """What the simulation says."""
        return bool(self._world.ask("success"))
