"""Demonstrations: windows over the episodes of a store, to clone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase

from datamodules.pass_loader import PassLoader
from datamodules.sources import Source
from datamodules.windows import WindowSampler, WindowStorage
from robot.episode_check import check_finite
from robot.episode_info import SCRIPTED
from robot.episodes import EpisodeStore
from robot.schema import ACTION, OBSERVATION, TaskSpec
from robot.teleop.operator import NORMAL, Style


class Demonstrations(Source):
    """Serves every episode of a store, split by episode into training and validation.

    The steps are read from the disk once and lie in memory, 0.3 kB each in a
    task of this repository.

    Args:
        path: folder of the episode store, for example ``data/pick_banana``.
        batch_size: windows a batch, in each process.
        steps_per_epoch: batches a training epoch.
        validation: share of the episodes to validate on, drawn under the seed (at least one
            episode, unless there is only one or the share is 0); or the ids of these episodes.
        num_episodes: how many a task records by itself, where it has a script and finds none.
        style: how much the scripted operator of those varies.

    Raises:
        ValueError: if a size is below 1 or the share is not in [0, 1).
    """

    def __init__(
        self,
        path: str | Path,
        batch_size: int = 256,
        steps_per_epoch: int = 500,
        validation: float | list[int] = 0.1,
        num_episodes: int = 32,
        style: Style = NORMAL,
    ) -> None:
        if num_episodes < 1:
            raise ValueError(f"num_episodes is {num_episodes}, must be at least 1")
        if batch_size < 1 or steps_per_epoch < 1:
            raise ValueError(
                f"batch_size is {batch_size} and steps_per_epoch {steps_per_epoch}, "
                "both must be at least 1"
            )
        if not isinstance(validation, list) and not 0 <= validation < 1:
            raise ValueError(
                f"validation is {validation}, must be a share in [0, 1) or a list of ids"
            )
        self.path = Path(path)
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.validation = validation
        self.num_episodes = num_episodes
        self.style = style
        self.train_ids: list[int] = []
        self.validation_ids: list[int] = []
        self.seconds: dict[str, float] = {}

    def count(self) -> int:
        """Episodes that are there."""
        try:
            return len(EpisodeStore.open(self.path))
        except FileNotFoundError:
            return 0

    def provenance(self) -> dict[str, Any]:
        """What the store says of where its episodes come from."""
        return EpisodeStore.open(self.path).metadata["provenance"]

    def exists(self) -> bool:
        """Whether there is something to learn from: any person's episode, or enough scripted ones.

        Fewer scripted episodes than ``num_episodes`` are a recording that was interrupted.

        Raises:
            ValueError: if the store cannot be read.
        """
        count = self.count()
        if count >= self.num_episodes:
            return True
        if not count:
            return False
        store = EpisodeStore.open(self.path)
        return any(store.info(i).operator != SCRIPTED for i in store.ids)

    def setup(
        self,
        spec: TaskSpec,
        observation_horizon: int,
        prediction_horizon: int,
        seed: int,
        rank: int,
        world_size: int,
    ) -> None:
        """Opens the store, checks that it fits and builds the replay buffers.

        Raises:
            FileNotFoundError: if there is no store.
            ValueError: if it is empty, of another task or rate, holds an episode shorter than
                the prediction horizon or with NaN, or lacks an episode asked for.
        """
        store = EpisodeStore.open(self.path)
        self._check_task(store, spec)
        self.train_ids, self.validation_ids = self._split(store.ids, seed)
        self.seconds = store.total_seconds()

        def loader(ids: list[int], *, shuffle: bool) -> PassLoader:
            episodes = [self._read(store, i, spec, prediction_horizon) for i in ids]
            sampler = WindowSampler(
                [len(episode) for episode in episodes],
                observation_horizon,
                prediction_horizon,
                seed=seed,
                rank=rank,
                world_size=world_size,
                shuffle=shuffle,
            )
            storage = WindowStorage(episodes, spec.needed_fields, observation_horizon)
            steps = self.steps_per_epoch if shuffle else None
            return PassLoader(storage, sampler, self.batch_size, steps)

        self._train = loader(self.train_ids, shuffle=True)
        held_out = self.validation_ids
        self._validation = loader(held_out, shuffle=False) if held_out else None

    def train_loader(self) -> PassLoader:
        """Shuffled windows ``observation {field: [B, To, ...]}, action [B, Tp, A]``."""
        return self._train

    def validation_loader(self) -> PassLoader | None:
        """Every window of the validation episodes once, in order of time.

        Several processes get equally many each: a remainder, fewer than there are of them, is left
        out.
        """
        return self._validation

    def _check_task(self, store: EpisodeStore, spec: TaskSpec) -> None:
        if store.spec.task != spec.task:
            raise ValueError(
                f"{self.path} holds demonstrations of task {store.spec.task!r}, not {spec.task!r}"
            )
        if store.spec.rate != spec.rate:
            raise ValueError(
                f"{self.path} was recorded at {store.spec.rate:g} Hz, "
                f"task {spec.task!r} runs at {spec.rate:g} Hz: set the rate or record anew"
            )
        if store.spec.joints != spec.joints:
            raise ValueError(
                f"{self.path} holds actions of the joints {', '.join(store.spec.joints)}; "
                f"task {spec.task!r} has {', '.join(spec.joints)}"
            )
        for name in spec.needed_fields:
            if name not in store.spec.observation:
                raise ValueError(
                    f"{self.path} lacks observation field {name!r}; "
                    f"it has {', '.join(store.spec.observation)}"
                )
            length, expected = len(store.spec.observation[name]), len(spec.observation[name])
            if length != expected:
                raise ValueError(
                    f"{self.path} has {length} dimensions of observation field {name!r}, "
                    f"task {spec.task!r} has {expected}"
                )

    def _split(self, ids: list[int], seed: int) -> tuple[list[int], list[int]]:
        """Training and validation ids, each in ascending order."""
        if not ids:
            raise ValueError(
                f"the episode store at {self.path} is empty: correct the path, or record episodes "
                "('python train.py fit' does, where a task can be scripted)"
            )
        if isinstance(self.validation, list):
            if missing := sorted(set(self.validation) - set(ids)):
                raise ValueError(f"{self.path} has no episode {missing[0]}; there are {ids}")
            chosen = set(self.validation)
        else:
            count = round(self.validation * len(ids))
            if self.validation > 0 and len(ids) > 1:
                count = max(count, 1)
            order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(seed))
            chosen = {ids[i] for i in order[:count].tolist()}
        train = [i for i in ids if i not in chosen]
        if not train:
            raise ValueError(f"validation leaves none of the {len(ids)} episodes to train on")
        return train, sorted(chosen)

    def _read(
        self, store: EpisodeStore, episode_id: int, spec: TaskSpec, prediction_horizon: int
    ) -> TensorDictBase:
        """What a policy reads and predicts in one episode, checked; batch size ``[T]``."""
        episode = store.load(episode_id)
        if len(episode) < prediction_horizon:
            raise ValueError(
                f"episode {episode_id} of {self.path} has {len(episode)} steps, fewer than the "
                f"prediction horizon of {prediction_horizon}"
            )
        fields = {name: episode.get((OBSERVATION, name)) for name in spec.needed_fields}
        used = TensorDict(
            {OBSERVATION: fields, ACTION: episode.get(ACTION)}, batch_size=episode.batch_size
        )
        try:
            check_finite(used)
        except ValueError as error:
            raise ValueError(f"episode {episode_id} of {self.path}: {error}") from error
        return used
