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
BROKEN = [
    int(mujoco.mjtWarning.mjWARN_BADQPOS),
    int(mujoco.mjtWarning.mjWARN_BADQVEL),
    int(mujoco.mjtWarning.mjWARN_BADQACC),
]


class _Pool:
    """The simulations whose models share one layout: a row for each environment of the batch."""

    def __init__(self, model: mujoco.MjModel, num_envs: int, num_threads: int) -> None:
        self.batch = Batch(model, num_envs, num_threads)
        self.models = [model] * num_envs
        self.qpos = self.batch.bind("qpos")
        self.qvel = self.batch.bind("qvel")

    def broken(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """How often each row has diverged since its last reset, ``[n]``."""
        return self.batch.warning[rows][:, BROKEN, 1].sum(-1)


class Physics:
    """``num_envs`` simulations; every call names the rows it is about."""

    def __init__(self, num_envs: int, num_threads: int) -> None:
        self.num_envs = num_envs
        self.num_threads = num_threads
        self._pools: dict[int, _Pool] = {}  # by layout
        self._layout = np.zeros(num_envs, dtype=np.uint64)  # of each row's model; 0: none yet
        self._positions = torch.zeros(num_envs, NQ, dtype=torch.float64)
        self._velocities = torch.zeros(num_envs, NV, dtype=torch.float64)

    def model(self, index: int) -> mujoco.MjModel:
        """The model of a row."""
        return self._pools[int(self._layout[index])].models[index]

    def begin(
        self,
        index: NDArray[np.int64],
        models: Sequence[mujoco.MjModel],
        positions: NDArray[np.float64],
        timestep: float,
    ) -> None:
        """Puts the rows ``index [n]`` at rest at ``positions [n, nq]``."""
        layouts = np.array([m.signature for m in models], dtype=np.uint64)
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
        self._layout[index] = layouts
        self._positions[index], self._velocities[index] = 0, 0
        self._read(index)

    def advance(self, index: NDArray[np.int64], targets: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Steps the rows ``index [n]`` through ``targets [n, substeps, nu]``.

        Returns:
            Which of the n simulations broke (diverged), bool ``[n]``.
        """
        broken = np.zeros(len(index), dtype=bool)
        for layout, pool in self._pools.items():
            mine = self._layout[index] == layout
            rows = index[mine]
            if not len(rows):
                continue
            before = pool.broken(rows)
            pool.batch.rollout(
                targets.shape[1], targets[mine], record=(), ids=rows.astype(np.int32)
            )
            broken[mine] = pool.broken(rows) > before
        self._read(index)
        return broken

    def _read(self, index: NDArray[np.int64]) -> None:
        positions, velocities = self._positions.numpy(), self._velocities.numpy()
        for layout, pool in self._pools.items():
            rows = index[self._layout[index] == layout]
            positions[rows, : pool.qpos.shape[1]] = pool.qpos[rows]
            velocities[rows, : pool.qvel.shape[1]] = pool.qvel[rows]

    def positions(self) -> Tensor:
        """Generalised positions ``[num_envs, NQ]`` float64, zero past a model's own."""
        return self._positions.clone()

    def velocities(self) -> Tensor:
        """Generalised velocities ``[num_envs, NV]`` float64, zero past a model's own."""
        return self._velocities.clone()

    def state(self) -> list[Tensor]:
        """Full state of each row's simulation, solver warm start included."""
        return [
            torch.from_numpy(self._pools[int(layout)].batch.state[row].copy())
            for row, layout in enumerate(self._layout)
        ]

    def restore(self, state: Sequence[Tensor]) -> None:
        """Restores :meth:`state`; the rows must run on models of the same layouts."""
        for row, (layout, values) in enumerate(zip(self._layout, state, strict=True)):
            self._pools[int(layout)].batch.state[row] = values.numpy()
        self._read(np.arange(self.num_envs))
