"""How far an arm's parts are from each other and from the table, in any pose."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mujoco
import numpy as np
from torch import Tensor

from robot.simulation.arm_model import ARM
from robot.simulation.scene import Scene, build

FAR = 0.3  # m; what is further is not measured
HAND = 6  # bodies from the base: the last link with its palm, and the fingers
# What hangs on a joint further along meets what is this many joints before it, or more: neighbours
# always touch.
APART = 2


class SelfCollision:
    """An arm's shape, as its simulation has it.

    Args:
        arm: name of its description.
    """

    def __init__(self, arm: str) -> None:
        self._model = build(Scene((), arm)).compile()
        self._data = mujoco.MjData(self._model)
        self._pairs = self._meeting()
        self._hand = [g for g in range(self._model.ngeom) if self._depth_of(g) >= HAND]
        self._way = np.zeros(6)

    def _meeting(self) -> list[tuple[int, int]]:
        """Shapes that could meet."""
        model: Any = self._model
        solid = [g for g in range(model.ngeom) if model.geom_contype[g] == ARM]
        depth = {g: self._depth(int(model.geom_bodyid[g])) for g in solid}
        return [
            (a, b)
            for a in solid
            for b in solid
            if depth[b] - depth[a] > APART and depth[a] <= APART
        ]

    def _depth_of(self, geom: int) -> int:
        model: Any = self._model
        return self._depth(int(model.geom_bodyid[geom]))

    def _depth(self, body: int) -> int:
        """How many bodies a body hangs on."""
        return 0 if body == 0 else 1 + self._depth(int(self._model.body_parentid[body]))

    def clearance(self, joints: Tensor) -> float:
        """The least distance between parts that could meet, m; negative where they overlap.

        Args:
            joints: ``[J]`` rad.
        """
        self._pose(joints)
        return min(
            mujoco.mj_geomDistance(self._model, self._data, a, b, FAR, self._way)
            for a, b in self._pairs
        )

    def lowest(self, joints: Tensor) -> float:
        """How high the lowest point of the hand is over the arm's base, m.

        Args:
            joints: ``[J]`` rad.
        """
        self._pose(joints)
        center = self._data.geom_xpos[self._hand, 2]
        turned = self._data.geom_xmat[self._hand].reshape(-1, 3, 3)[:, 2]  # of z, in the shape
        # Capsules and spheres are taken for the boxes around them.
        half = np.array([_half_extents(self._model, geom) for geom in self._hand])
        return float((center - (np.abs(turned) * half).sum(1)).min())

    def _pose(self, joints: Tensor) -> None:
        self._data.qpos[: len(joints)] = joints.numpy()
        mujoco.mj_kinematics(self._model, self._data)


def _half_extents(model: Any, geom: int) -> tuple[float, float, float]:
    x, y, z = (float(size) for size in model.geom_size[geom])
    match mujoco.mjtGeom(int(model.geom_type[geom])):
        case mujoco.mjtGeom.mjGEOM_SPHERE:
            return x, x, x
        case mujoco.mjtGeom.mjGEOM_CAPSULE:
            return x, x, y + x
        case _:
            return x, y, z


@lru_cache
def self_collision(arm: str) -> SelfCollision:
    """The shape of an arm, made once."""
    return SelfCollision(arm)
