"""Two processes train on different windows of the same demonstrations."""

import json

import pytest
import torch
from lightning import LightningModule, Trainer

from datamodules.demonstrations import Demonstrations
from datamodules.sources import SourcedDataModule
from lightning_modules.horizons import Horizons
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore


class Reach(SourcedDataModule):
    def __init__(self, path, spec):
        sources = {"demonstrations": Demonstrations(path, 8, steps_per_epoch=3, validation=0.0)}
        super().__init__(sources)
        self.reach_spec = spec

    @property
    def spec(self):
        return self.reach_spec


class Witness(LightningModule):
    """Writes down which windows its process was given."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.horizons = Horizons(observation=2, prediction=4, action=2)
        self.layer = torch.nn.Linear(2, 8)
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen += [round(x, 3) for x in batch["action"][:, 0, 0].tolist()]
        predicted = self.layer(batch["observation", "joint_position"].flatten(1))
        return (predicted - batch["action"].flatten(1)).square().mean()

    def on_train_end(self):
        (self.folder / f"{self.global_rank}.json").write_text(json.dumps(self.seen))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-3)


@pytest.mark.slow
def test_ranks_train_on_different_windows_of_the_same_pass(tmp_path, reach_spec, make_episode):
    store = EpisodeStore.create(tmp_path / "reach", reach_spec)
    for seed in range(4):
        store.append(make_episode(24, seed), EpisodeInfo("Ada", success=True))
    Trainer(
        accelerator="cpu",
        strategy="ddp_fork",
        devices=2,
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    ).fit(Witness(tmp_path), Reach(store.path, reach_spec))
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert [len(seen) for seen in ranks] == [48, 48]
    assert len(set(ranks[0]) | set(ranks[1])) == 96, "one pass over all 96 windows, none twice"
