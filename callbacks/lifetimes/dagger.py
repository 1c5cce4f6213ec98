"""DAgger: the learner's own lifetimes, labelled by an oracle, are learnt from as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from tensordict import TensorDict

from callbacks.lifetimes.lives import live
from callbacks.lifetimes.recorded import lifetimes_of
from datamodules.hidden import Hidden
from datamodules.lifetime_store import LifetimeStore, origin
from datamodules.lifetimes import Lifetimes
from lightning_modules.checkpoint import check_same_task, read_checkpoint
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.lifetime_policy import LifetimePolicy
from lightning_modules.meta_learner import MetaLearner
from lightning_modules.policy import load_learner
from lightning_modules.ranks import share
from robot.seeds import training_seed

FOLDER = "own_lifetimes"  # in the run's


class DAgger(Callback):
    """Every so many epochs the learner lives, and what an oracle would have done is added.

    Paper: Ross, Gordon & Bagnell 2011 (1011.0686). A learner that was only shown others' lifetimes
    gets into states that are in none of them. Its own actions are no example: of these lifetimes
    the oracle's labels alone are learnt. They are kept in the run's folder, so that a resumed run
    goes on with the same.

    Args:
        skill: checkpoint of the policy that the oracle acts with.
        every_n_epochs: between two rounds.
        lifetimes: of a round, on all ranks together.
        shots: H, as many as the stored lifetimes have.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(
        self, skill: str, every_n_epochs: int = 1, lifetimes: int = 128, shots: int = 6
    ) -> None:
        if min(every_n_epochs, lifetimes, shots) < 1:
            raise ValueError(
                f"every_n_epochs is {every_n_epochs}, lifetimes {lifetimes} and shots {shots}, "
                "all must be at least 1"
            )
        self.skill = skill
        self.every_n_epochs = every_n_epochs
        self.lifetimes = lifetimes
        self.shots = shots
        self._oracle: DiffusionPolicy | None = None
        self._rounds = 0  # behind a run that is resumed

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks that labels are learnt from, and that what is added will be served."""
        if stage != "fit":
            return
        if not isinstance(pl_module, MetaLearner) or not pl_module.oracle:
            raise ValueError(
                "DAgger adds an oracle's labels: it needs a MetaLearner whose oracle is above 0"
            )
        if getattr(trainer, "reload_dataloaders_every_n_epochs", 0) != 1:
            raise ValueError(
                "DAgger adds lifetimes between epochs: make "
                "trainer.reload_dataloaders_every_n_epochs 1"
            )
        check_same_task(read_checkpoint(self.skill), pl_module.spec)
        shape = self._source(trainer).shape
        if shape is not None and shape[0] != self.shots:
            raise ValueError(
                f"DAgger's shots is {self.shots}, the stored lifetimes have {shape[0]}: give the "
                "same"
            )
        self._oracle = load_learner(self.skill).to(pl_module.device)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Counts the rounds that a resumed run has behind it: the trainer doesn't know yet."""
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
        self._rounds = progress["processed"] // self.every_n_epochs

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Adds those that a resumed run has made, before the first loader is."""
        store = self._store(trainer, pl_module)
        for part in range(self._rounds * trainer.world_size):
            self._source(trainer).add(store.part(part))

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A round, with the weights in training."""
        done, rest = divmod(trainer.current_epoch + 1, self.every_n_epochs)
        if rest:
            return
        store = self._store(trainer, pl_module)
        first = (done - 1) * trainer.world_size
        mine = first + trainer.global_rank
        if mine not in store.parts():
            store.write(mine, self._live(trainer, pl_module, done))
        trainer.strategy.barrier()
        for part in range(first, first + trainer.world_size):
            self._source(trainer).add(store.part(part))

    def _live(self, trainer: Trainer, module: Any, number: int) -> TensorDict:
        """This rank's share of a round, labelled."""
        assert self._oracle is not None
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        key = training_seed("dagger", task.seed, number)
        phi = task.phi_set.sample(self.lifetimes, torch.Generator().manual_seed(key))
        mine = phi[share(self.lifetimes, trainer)]
        seed = training_seed("dagger", task.seed, number, trainer.global_rank)
        environment = task.environment(len(mine), seed)
        was_training = module.training
        module.eval()
        shots = live(
            environment, LifetimePolicy(module, len(mine)), mine, self.shots, seed, record=True
        )
        module.train(was_training)
        environment.close()
        return lifetimes_of(shots, task, self._oracle, mine, seed)

    def _source(self, trainer: Trainer) -> Lifetimes:
        task: Hidden = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        return next(s for s in task.sources.values() if isinstance(s, Lifetimes))

    def _store(self, trainer: Trainer, module: Any) -> LifetimeStore:
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        folder = Path(trainer.log_dir or trainer.default_root_dir) / FOLDER
        metadata = {
            **origin(task, module.horizons),
            "skill": self.skill,
            "lifetimes": self.lifetimes,
            "seed": task.seed,
        }
        return LifetimeStore.open_or_create(folder, metadata)
