"""Lifetimes: attempts on one hidden phi each, worst to best, to learn from how to improve."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from tensordict import TensorDict
from torchrl.data import TensorStorage

from datamodules.lifetime_store import LifetimeStore
from datamodules.pass_loader import PassLoader
from datamodules.passes import PassSampler
from datamodules.sources import Source
from robot.schema import TaskSpec


class Lifetimes(Source):
    """Serves whole lifetimes of a store; never what is hidden.

    Args:
        path: folder of the lifetime store, for example ``data/wanted_object/lifetimes``.
        batch_size: lifetimes a batch, in each process.
        steps_per_epoch: batches a training epoch.
        validation: share of the lifetimes to validate on.

    Raises:
        ValueError: if a size is below 1 or the share is not in [0, 1).
    """

    def __init__(
        self,
        path: str | Path,
        batch_size: int = 32,
        steps_per_epoch: int = 200,
        validation: float = 0.05,
    ) -> None:
        if batch_size < 1 or steps_per_epoch < 1:
            raise ValueError(
                f"batch_size is {batch_size} and steps_per_epoch {steps_per_epoch}, "
                "both must be at least 1"
            )
        if not 0 <= validation < 1:
            raise ValueError(f"validation is {validation}, it must be a share in [0, 1)")
        self.path = Path(path)
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.validation = validation
        self._place: tuple[int, int, int] = 0, 0, 1
        self._lifetimes: TensorDict | None = None
        self._own: list[TensorDict] = []

    def setup(
        self,
        spec: TaskSpec,
        observation_horizon: int,
        prediction_horizon: int,
        seed: int,
        rank: int,
        world_size: int,
    ) -> None:
        """Opens the store, if there is one yet, and checks that it fits.

        Raises:
            ValueError: if it is for another arm, or was made under other horizons.
        """
        self._place = seed, rank, world_size
        try:
            store = LifetimeStore.open(self.path)
        except FileNotFoundError:
            return  # `predict` is about to make it; a training is told by train_loader
        theirs = TaskSpec.from_dict(store.metadata["spec"]).to_dict()
        if theirs != TaskSpec.from_dict(spec.to_dict()).to_dict():
            raise ValueError(f"the lifetimes at {self.path} do not fit: their arm or ranges do not")
        self._check(store, "observation_horizon", observation_horizon)
        self._check(store, "prediction_horizon", prediction_horizon)
        if store.parts():
            self._lifetimes = _marked(store.load(), own=False)

    def check(self, task: str, action_horizon: int) -> None:
        """Refuses lifetimes of another family, or of one who decides more or less often.

        Raises:
            ValueError: one sentence with theirs and what is needed.
        """
        if self._lifetimes is not None:
            store = LifetimeStore.open(self.path)
            self._check(store, "task", task)
            self._check(store, "action_horizon", action_horizon)

    def _check(self, store: LifetimeStore, name: str, value: object) -> None:
        if (theirs := store.metadata[name]) != value:
            raise ValueError(
                f"the lifetimes at {self.path} do not fit: their {name} is {theirs}, here it is "
                f"{value}"
            )

    @property
    def shape(self) -> tuple[int, int] | None:
        """Episodes of a lifetime and most decisions of one; None while there are no lifetimes."""
        if self._lifetimes is None:
            return None
        _, shots, most = self._lifetimes["observation"].shape[:3]
        return shots, most

    def add(self, lifetimes: TensorDict) -> None:
        """Serves these, too, the learner's own, from the next loader on."""
        self._own.append(_marked(lifetimes, own=True))

    def train_loader(self) -> PassLoader:
        """Shuffled lifetimes, ``[B]``: the fields of :mod:`datamodules.lifetime_store` but phi.

        ``own``, bool ``[B]``, says whose they are: what a learner has done itself is no example.

        Raises:
            FileNotFoundError: if there is no store.
            ValueError: if it has no lifetimes yet, or fewer than were asked for.
        """
        everyone, wanted = self._everyone(), LifetimeStore.open(self.path).wanted
        if len(everyone) < wanted:
            raise ValueError(
                f"{len(everyone)} of {wanted} lifetimes at {str(self.path)!r} are made: 'python "
                "train.py predict' with the config that made them goes on where it stopped"
            )
        shown = everyone[self._held_out(everyone) :]
        return self._loader(cast("TensorDict", torch.cat([shown, *self._own])), shuffle=True)

    def validation_loader(self) -> PassLoader | None:
        """Those held out, once each."""
        if self._lifetimes is None or not (held_out := self._held_out(self._lifetimes)):
            return None
        return self._loader(self._lifetimes[:held_out], shuffle=False)

    def _everyone(self) -> TensorDict:
        if self._lifetimes is None:
            LifetimeStore.open(self.path).load()  # says that there are none
            raise RuntimeError("the lifetimes appeared after the source was set up")
        return self._lifetimes

    def _held_out(self, lifetimes: TensorDict) -> int:
        count = round(self.validation * len(lifetimes))
        return max(1, count) if self.validation and len(lifetimes) > 1 else count

    def _loader(self, lifetimes: TensorDict, *, shuffle: bool) -> PassLoader:
        seed, rank, world_size = self._place
        sampler = PassSampler(
            len(lifetimes), seed=seed, rank=rank, world_size=world_size, shuffle=shuffle
        )
        steps = self.steps_per_epoch if shuffle else None
        return PassLoader(TensorStorage(lifetimes), sampler, self.batch_size, steps)


def _marked(lifetimes: TensorDict, *, own: bool) -> TensorDict:
    """Without what is hidden, and with whose they are."""
    shown = lifetimes.exclude("phi")
    return shown.set("own", torch.full((len(shown),), own))
