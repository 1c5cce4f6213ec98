"""Sources of training data, and the DataModule that serves one or several of them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from lightning import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader

from robot.schema import TaskSpec


class Source(ABC):
    """Where batches come from: demonstrations, rollouts, lifetimes, a teacher's targets.

    A source is told the task and the horizons in :meth:`setup`, and hands out loaders afterwards.
    """

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


class SourcedDataModule(LightningDataModule):
    """Serves named sources: one source's batches as they are, several as a dict by name.

    Subclasses say what the task is. The learner says which horizons it needs: an attribute
    ``horizons`` with ``observation`` (To), ``prediction`` (Tp) and ``action`` (Ta).

    Args:
        sources: sources by name.
        seed: of orders and splits.

    Raises:
        ValueError: if there is no source.
    """

    def __init__(self, sources: Mapping[str, Source], seed: int = 0) -> None:
        super().__init__()
        if not sources:
            raise ValueError(
                "a task needs at least one source; for example datamodules.Demonstrations"
            )
        self.sources = dict(sources)
        self.seed = seed

    @property
    def spec(self) -> TaskSpec:
        """The task."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its task is")

    def setup(self, stage: str) -> None:
        """Sets the sources up for this process; ``test`` rolls out and needs none."""
        if stage == "test":
            return
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
        """Batches to learn from."""
        return _combine({name: s.train_loader() for name, s in self.sources.items()})

    def val_dataloader(self) -> Any:
        """Batches to validate on, from the sources that keep some apart; empty if none does."""
        return _combine(self._validation_loaders())

    def predict_dataloader(self) -> Any:
        """The validation batches.

        Raises:
            ValueError: if no source keeps any apart.
        """
        loaders = self._validation_loaders()
        if not loaders:
            raise ValueError(
                "no source keeps validation data apart, so there is none to predict on"
            )
        return _combine(loaders)

    def _validation_loaders(self) -> dict[str, Iterable[Any]]:
        loaders = {name: s.validation_loader() for name, s in self.sources.items()}
        return {name: loader for name, loader in loaders.items() if loader is not None}


def _combine(loaders: dict[str, Iterable[Any]]) -> Any:
    """One loader as it is, several by name as long as the longest, none as no loaders."""
    if not loaders:
        return []
    if len(loaders) == 1:
        return next(iter(loaders.values()))
    return CombinedLoader(loaders, mode="max_size_cycle")
