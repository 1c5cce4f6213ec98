"""Sources of training data, and the DataModule that serves one or several of them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, Literal

from lightning import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader

from robot.schema import TaskSpec


class Source(ABC):
    """Where batches come from: demonstrations, rollouts, lifetimes, a teacher's targets.

    A source is told the task and the horizons in :meth:`setup`, and hands out loaders afterwards.

    Attributes:
        sets_epoch: whether an epoch has as many batches as this source, where others have more;
            else it is as long as the longest source.
        collected: whether a callback fills it while a policy acts; else it is there before.
    """

    sets_epoch: bool = False
    collected: bool = False

    @abstractmethod
    def setup(
        self,
        spec: TaskSpec,
        observation_horizon: int,
        prediction_horizon: int,
        seed: int,
        rank: int,
        world_size: int,
    ) -> None:
        """Gets ready to serve this process.

        Args:
            spec: the task whose policy is trained.
            observation_horizon: To, observations a policy reads.
            prediction_horizon: Tp, actions a policy predicts.
            seed: of everything random in the source.
            rank: which of the training processes this is.
            world_size: how many there are.

        Raises:
            ValueError: if the data does not fit the task or the horizons.
        """

    @abstractmethod
    def train_loader(self) -> Iterable[Any]:
        """Batches to learn from; each rank has its own."""

    @abstractmethod
    def validation_loader(self) -> Iterable[Any] | None:
        """Batches to validate on, or ``None`` if the source keeps none apart."""


class SourcedDataModule(LightningDataModule, ABC):
    """Serves named sources: one source's batches as they are, several as a dict by name.

    Subclasses say what the task is. The learner says which horizons it needs: an attribute
    ``horizons`` with ``observation`` (To), ``prediction`` (Tp) and ``action`` (Ta).

    Args:
        sources: sources by name.
        seed: of orders and splits.

    Raises:
        ValueError: if there is no source, or the seed is negative.
    """

    def __init__(self, sources: Mapping[str, Source], seed: int = 0) -> None:
        super().__init__()
        if not sources:
            raise ValueError(
                "a task needs at least one source; for example datamodules.Demonstrations"
            )
        if seed < 0:
            raise ValueError(f"the data's seed is {seed}, it must not be negative")
        self.sources = dict(sources)
        self.seed = seed
        self._loaders: dict[str, Any] = {}
        self._places: dict[str, Any] = {}

    @property
    @abstractmethod
    def spec(self) -> TaskSpec:
        """The task."""

    def setup(self, stage: str) -> None:
        """Sets the sources up for this process."""
        trainer = self.trainer
        if trainer is None:
            raise RuntimeError("a DataModule is set up by a Trainer, which knows the horizons")
        horizons: Any = trainer.lightning_module.horizons
        for source in self.sources.values():
            source.setup(
                self.spec,
                observation_horizon=horizons.observation,
                prediction_horizon=horizons.prediction,
                seed=self.seed,
                rank=trainer.global_rank,
                world_size=trainer.world_size,
            )

    def train_dataloader(self) -> Any:
        """Batches to learn from, from the restored place on if a run is resumed."""
        self._loaders = {name: source.train_loader() for name, source in self.sources.items()}
        for name, place in self._places.items():
            self._loaders[name].load_state_dict(place)
        self._places = {}
        setters = [name for name, source in self.sources.items() if source.sets_epoch]
        lengths: dict[str, int] = {n: len(loader) for n, loader in self._loaders.items()}
        for setter, (name, length) in product(setters, lengths.items()):
            if length < lengths[setter]:
                raise ValueError(
                    f"source {name!r} has {length} batches an epoch, fewer than the "
                    f"{lengths[setter]} of {setter!r}, which says how long an epoch is"
                )
        return _combine(self._loaders, "min_size" if setters else "max_size_cycle")

    def state_dict(self) -> dict[str, Any]:
        """The place of every loader that has one.

        Lightning keeps these too, but restores them only in loaders made after the optimisers;
        a learning rate schedule that asks for the number of steps has them made before.
        """
        return {
            name: loader.state_dict()
            for name, loader in self._loaders.items()
            if hasattr(loader, "state_dict")
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps the places for the loaders that are made next."""
        self._places = dict(state_dict)

    def val_dataloader(self) -> Any:
        """Batches to validate on, from the sources that keep some apart; empty if none does."""
        return _combine(self._validation_loaders())

    def test_dataloader(self) -> Any:
        """The validation batches."""
        return self._held_out("test")

    def predict_dataloader(self) -> Any:
        """The validation batches."""
        return self._held_out("predict")

    def _held_out(self, stage: str) -> Any:
        loaders = self._validation_loaders()
        if not loaders:
            raise ValueError(
                f"no source keeps validation data apart, so there is none to {stage} on"
            )
        return _combine(loaders)

    def _validation_loaders(self) -> dict[str, Iterable[Any]]:
        loaders = {name: s.validation_loader() for name, s in self.sources.items()}
        return {name: loader for name, loader in loaders.items() if loader is not None}


def _combine(
    loaders: dict[str, Iterable[Any]],
    mode: Literal["min_size", "max_size_cycle"] = "max_size_cycle",
) -> Any:
    """One loader as it is, several by name as long as one of them, none as no loaders."""
    if not loaders:
        return []
    if len(loaders) == 1:
        return next(iter(loaders.values()))
    return CombinedLoader(loaders, mode=mode)
