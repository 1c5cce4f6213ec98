import torch
from lightning import Trainer

from callbacks import PredictionWriter
from datamodules import Demonstrations
from datamodules.sources import SourcedDataModule
from lightning_modules import DiffusionPolicy, Horizons
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore


def test_a_chunk_for_every_held_out_window_is_written(tmp_path, reach_spec, make_episode):
    store = EpisodeStore.create(tmp_path / "store", reach_spec)
    for seed in range(3):
        store.append(make_episode(20 + seed, seed), EpisodeInfo("Ada", success=True))

    class Task(SourcedDataModule):
        spec = reach_spec

    Trainer(
        accelerator="cpu",
        logger=False,
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        callbacks=[PredictionWriter()],
    ).predict(
        DiffusionPolicy(reach_spec, horizons=Horizons(2, 8, 4)),
        Task({"demonstrations": Demonstrations(store.path, 8, validation=[1])}),
    )
    chunks = torch.load(tmp_path / "predictions.pt", weights_only=True)
    assert chunks.shape == (21, 8, 2)
    assert chunks.isfinite().all()
