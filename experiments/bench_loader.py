"""How many windows a second the loader serves, against plain indexing of tensors."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import torch
from tensordict import TensorDict
from torch import Tensor

from datamodules.demonstrations import Demonstrations
from datamodules.pick_banana import PickBanana
from datamodules.windows import WindowSampler
from experiments.timing import interleaved
from robot.episode_info import SCRIPTED, EpisodeInfo
from robot.episodes import EpisodeStore
from robot.schema import ACTION, OBSERVATION, TaskSpec, observation_shapes

TO, TP = 2, 16


def bench_loader(
    num_episodes: int = 1000, steps: int = 200, batch_size: int = 256, rounds: int = 5
) -> dict[str, float]:
    """Windows a second from a store on disk, and seconds to write and to open it.

    The floor reads the same windows, in an order as random, from one matrix of observations and
    one of actions by plain indexing; which rows they are is given to it.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Demonstrations(
            Path(folder) / "store", batch_size, steps_per_epoch=2**40, validation=0.0
        )
        task = PickBanana("point", {"demonstrations": source})
        start = time.perf_counter()
        store = EpisodeStore.create(source.path, task.spec)
        for seed in range(num_episodes):
            store.append(made_up_episode(task.spec, steps, seed), EpisodeInfo(SCRIPTED, True))
        written = time.perf_counter()
        source.setup(task.spec, TO, TP, seed=0, rank=0, world_size=1)
        opened = time.perf_counter()
        batches = iter(source.train_loader())
        floor = plain_indexing(task.spec, num_episodes, steps, batch_size)
        # A turn is about a pass over the data, so that the draw of its order counts.
        turn = num_episodes * steps / 400_000
        best = interleaved({"loader": lambda: next(batches), "floor": floor}, rounds, turn)
    return {
        "loader/steps": num_episodes * steps,
        "loader/episodes": num_episodes,
        "loader/write_s": written - start,
        "loader/open_s": opened - written,
        "loader/windows_per_s": batch_size / best["loader"],
        "loader/floor_windows_per_s": batch_size / best["floor"],
    }


def plain_indexing(
    spec: TaskSpec, num_episodes: int, steps: int, batch_size: int
) -> Callable[[], tuple[Tensor, Tensor]]:
    """Reads the next batch of windows, at rows drawn ahead, from two matrices."""
    n = num_episodes * steps
    observations, actions = torch.randn(n, spec.observation_dim), torch.randn(n, spec.action_dim)
    sampler = WindowSampler([steps] * num_episodes, TO, TP, seed=0)
    rows = sampler.rows(torch.randperm(n)).split(batch_size)
    batches = cycle([r for r in rows if len(r) == batch_size] or rows)

    def read() -> tuple[Tensor, Tensor]:
        index = next(batches)
        return observations[index[:, :TO]], actions[index[:, TO:]]

    return read


def made_up_episode(spec: TaskSpec, steps: int, seed: int) -> TensorDict:
    """Noise in the shape of an episode ``[steps]``."""
    generator = torch.Generator().manual_seed(seed)
    shapes = observation_shapes(spec.action_dim - 1)

    def noise(*shape: int) -> Tensor:
        return torch.randn(steps, *shape, generator=generator)

    clock = torch.arange(steps, dtype=torch.float64)[:, None] / spec.rate
    end = torch.arange(steps)[:, None] == steps - 1
    return TensorDict(
        {
            OBSERVATION: {name: noise(*shapes[name]) for name in spec.observation},
            ACTION: noise(spec.action_dim),
            "observation_time": clock,
            "command_time": clock.clone(),
            "next": {
                "reward": end.float(),
                "terminated": end,
                "truncated": torch.zeros_like(end),
                "done": end.clone(),
            },
        },
        batch_size=[steps],
    )
