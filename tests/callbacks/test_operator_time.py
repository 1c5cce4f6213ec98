from lightning import Trainer
from lightning.pytorch.callbacks import Callback

from callbacks import OperatorTime
from datamodules import Demonstrations
from datamodules.sources import SourcedDataModule
from lightning_modules import DiffusionPolicy, Horizons
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore


class Metrics(Callback):
    def on_train_end(self, trainer, pl_module):
        self.seen = dict(trainer.logged_metrics)


def test_a_persons_and_a_scripts_seconds_are_logged_apart(tmp_path, reach_spec, make_episode):
    store = EpisodeStore.create(tmp_path / "store", reach_spec)
    store.append(make_episode(20), EpisodeInfo("Ada", True, human_s=2.0))
    store.append(make_episode(20, 1), EpisodeInfo("Ada", True, human_s=3.0))
    store.append(make_episode(20, 2), EpisodeInfo("scripted", True, scripted_s=4.0))
    metrics = Metrics()

    class Task(SourcedDataModule):
        spec = reach_spec

    Trainer(
        max_steps=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[OperatorTime(), metrics],
    ).fit(
        DiffusionPolicy(reach_spec, horizons=Horizons(2, 8, 4)),
        Task({"demonstrations": Demonstrations(store.path, 8)}),
    )
    assert metrics.seen["time/human_s"] == 5.0
    assert metrics.seen["time/scripted_s"] == 4.0
