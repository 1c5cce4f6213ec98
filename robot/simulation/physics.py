"""Many MuJoCo simulations, of one model or several, on MuJoCo's own thread pool."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from numpy.typing import NDArray
from torch import Tensor

from robot.schema import MAX_OBJECTS

# The arm's six joints and two fingers, then a free joint a slot: sizes of the padded state.
ARM_JOINTS = 8
NQ, NV = ARM_JOINTS + 7 * MAX_OBJECTS, ARM_JOINTS + 6 * MAX_OBJECTS
# MuJoCo's warnings of a position, velocity or acceleration that is not a number or too large.
DIVERGED = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)


class _Pool:
    """The simulations whose models share one layout: a row for each environment of the batch."""

    def __init__(self, model: mujoco.MjModel, num_envs: int, num_threads: int) -> None:
        self.batch = Batch(model, num_envs, num_threads)
        self.models = [model] * num_envs
        self.qpos = self.batch.bind("qpos")
        self.qvel = self.batch.bind("qvel")
        self._diverged = self.batch.warning[:, DIVERGED, 1]  # a view: counts since the last reset

    def broken(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """How often each row has diverged since its last reset, ``[n]``."""
        return self._diverged[rows].sum(-1)


class Physics:
    """``num_envs`` simulations; every call says which rows it is about.

    Attributes:
        positions: of joints and objects ``[num_envs, NQ]`` float64, zero past a model's own;
            the next call overwrites them.
        velocities: theirs, ``[num_envs, NV]``.
    """

    def __init__(self, num_envs: int, num_threads: int) -> None:
        self.num_envs = num_envs
        self.num_threads = num_threads
        self._pools: dict[int, _Pool] = {}  # by layout
        self._layout = np.zeros(num_envs, dtype=np.uint64)  # of each row's model; 0: none yet
        self.positions = torch.zeros(num_envs, NQ, dtype=torch.float64)
        self.velocities = torch.zeros(num_envs, NV, dtype=torch.float64)

    def model(self, index: int) -> mujoco.MjModel:
        """The model of a row."""
        return self._pools[int(self._layout[index])].models[index]

    def begin(
        self,
        index: NDArray[np.int64],
        models: Sequence[mujoco.MjModel],
        positions: NDArray[np.float64],
    ) -> None:
        """Puts the rows ``index [n]`` at rest at ``positions [n, nq]``."""
        layouts = np.array([m.signature for m in models], dtype=np.uint64)
        self._layout[index] = layouts
        self.positions[index], self.velocities[index] = 0, 0
        for layout in np.unique(layouts):
            mine = layouts == layout
            rows = index[mine]
            chosen = [m for m, take in zip(models, mine, strict=True) if take]
            pool = self._pools.get(int(layout))
            if pool is None:
                pool = _Pool(chosen[0], self.num_envs, self.num_threads)
                self._pools[int(layout)] = pool
            changed = False
            for row, model in zip(rows.tolist(), chosen, strict=True):
                changed |= pool.models[row] is not model
                pool.models[row] = model
            if changed:
                pool.batch.set_models(pool.models)
            pool.batch.reset(rows.astype(np.int32), stage=mujoco.mjtStage.mjSTAGE_NONE.value)
            pool.qpos[rows] = positions[mine, : chosen[0].nq]
            pool.qvel[rows] = 0
            self._read(pool, rows)

    def advance(self, moving: NDArray[np.bool_], targets: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Steps the rows where ``moving [num_envs]`` through ``targets [num_envs, substeps, nu]``.

        Returns:
            Which simulations broke (diverged), bool ``[num_envs]``.
        """
        broken = np.zeros(self.num_envs, dtype=bool)
        for layout, pool in self._pools.items():
            rows = np.flatnonzero(moving & (self._layout == layout))
            if not len(rows):
                continue
            before = pool.broken(rows)
            pool.batch.rollout(
                targets.shape[1], targets[rows], record=(), ids=rows.astype(np.int32)
            )
            broken[rows] = pool.broken(rows) > before
            self._read(pool, rows)
        return broken

    def _read(self, pool: _Pool, rows: NDArray[np.int64]) -> None:
        """Copies the state of a pool's rows ``[n]`` into the padded one."""
        self.positions.numpy()[rows, : pool.qpos.shape[1]] = pool.qpos[rows]
        self.velocities.numpy()[rows, : pool.qvel.shape[1]] = pool.qvel[rows]

    def state(self) -> list[Tensor]:
        """Full state of each row's simulation, solver warm start included."""
        return [
            torch.from_numpy(self._pools[int(layout)].batch.state[row].copy())
            for row, layout in enumerate(self._layout)
        ]

    def restore(self, state: Sequence[Tensor]) -> None:
        """Restores :meth:`state`; the rows must run on models of the same layouts."""
        for row, (layout, values) in enumerate(zip(self._layout, state, strict=True)):
            pool = self._pools[int(layout)]
            pool.batch.state[row] = values.numpy()
            self._read(pool, np.array([row]))
