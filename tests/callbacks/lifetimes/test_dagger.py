"""The learner's own lifetimes, labelled: added between epochs, and there again after a restart."""

import shutil

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from callbacks.lifetimes import DAgger, Explorer
from datamodules import Lifetimes, Rollouts, WantedObject
from datamodules.lifetime_store import LifetimeStore
from lightning_modules import MetaLearner
from lightning_modules.policy import load_learner

CHECKPOINT = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"
SHOTS, OWN = 2, 3


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A store of a few lifetimes."""
    folder = tmp_path_factory.mktemp("lifetimes")
    skill = load_learner(CHECKPOINT)
    task = WantedObject("wide", {"rollouts": Rollouts()})
    phi = task.phi_set.sample(6, torch.Generator().manual_seed(0))
    env = task.environment(6, num_threads=1)
    made = Explorer(shots=SHOTS).lifetimes(task, skill, env, phi, seed=0)
    metadata = {
        "task": task.task_name,
        "action_horizon": skill.horizons.action,
        "spec": task.spec.to_dict(),
        "observation_horizon": skill.horizons.observation,
        "prediction_horizon": skill.horizons.prediction,
    }
    LifetimeStore.open_or_create(folder, metadata).write(0, made)
    return folder


def fit(folder, path, ckpt_path=None):
    seed_everything(0)
    source = Lifetimes(path, batch_size=4, steps_per_epoch=2, validation=0.0)
    task = WantedObject("wide", {"lifetimes": source})
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        limit_val_batches=0,
        reload_dataloaders_every_n_epochs=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            DAgger(CHECKPOINT, lifetimes=OWN, shots=SHOTS),
            ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1),
        ],
    )
    learner = MetaLearner(task.spec, skill=CHECKPOINT, oracle=1.0, width=16, warmup_steps=0)
    trainer.fit(learner, task, ckpt_path=ckpt_path)
    return learner, source


@pytest.mark.slow
def test_a_resumed_run_learns_from_the_same_own_lifetimes(tmp_path, path):
    whole, served = fit(tmp_path / "whole", path)
    assert sum(len(part) for part in served._own) == 3 * OWN
    store = LifetimeStore.open(tmp_path / "whole" / "own_lifetimes")
    assert store.parts() == [0, 1, 2]
    # Labelled all the way: an oracle's chunk at every decision of every episode.
    made = store.load()
    assert (made["oracle"][:, :, 0].abs().sum((-1, -2)) > 0).all()
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")  # in the last epoch
    shutil.rmtree(tmp_path / "killed" / "own_lifetimes" / "part-00002")
    resumed, served = fit(tmp_path / "killed", path, tmp_path / "killed" / "epoch=1.ckpt")
    assert sum(len(part) for part in served._own) == 3 * OWN
    remade = LifetimeStore.open(tmp_path / "killed" / "own_lifetimes").load()
    assert (remade == made).all()
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def test_labels_that_nobody_learns_from_are_not_made(path):
    task = WantedObject("wide", {"lifetimes": Lifetimes(path)})
    learner = MetaLearner(task.spec, width=16)
    with pytest.raises(ValueError, match="a MetaLearner whose oracle is above 0"):
        DAgger(CHECKPOINT).setup(Trainer(logger=False), learner, "fit")
    with pytest.raises(ValueError, match=r"trainer\.reload_dataloaders_every_n_epochs 1"):
        DAgger(CHECKPOINT).setup(
            Trainer(logger=False), MetaLearner(task.spec, oracle=1.0, width=16), "fit"
        )


def test_an_oracle_of_another_task_or_other_lifetimes_are_refused(path):
    source = Lifetimes(path)
    task = WantedObject("wide", {"lifetimes": source})
    learner = MetaLearner(task.spec, oracle=1.0, skill=CHECKPOINT, width=16)
    trainer = Trainer(logger=False, reload_dataloaders_every_n_epochs=1)
    trainer.datamodule = task
    source.setup(task.spec, 2, 12, seed=0, rank=0, world_size=1)
    with pytest.raises(ValueError, match="DAgger's shots is 6, the stored lifetimes have 2"):
        DAgger(CHECKPOINT).setup(trainer, learner, "fit")
    bowl = CHECKPOINT.replace("curriculum-0", "place_in_bowl/curriculum-0")
    with pytest.raises(ValueError, match="its task is place_in_bowl"):
        DAgger(bowl, shots=SHOTS).setup(trainer, learner, "fit")
