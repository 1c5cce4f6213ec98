import numpy as np
import pytest
import torch
from lightning import LightningDataModule
from lightning.pytorch.callbacks import Callback
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from rollout_toys import ToyLearner, ToyTask, events, toy_trainer
from tensordict import TensorDict

from callbacks import (
    BoundaryExpansion,
    Curriculum,
    CurriculumHeatmap,
    RolloutEvaluation,
    SuccessHeatmap,
)
from callbacks.heatmap import BANDWIDTH, REACH_IN_BANDWIDTHS, _smooth, _table, success_heatmap


def test_the_rate_is_one_where_all_succeed_and_zero_where_all_fail():
    at = np.array([[0.3, 0.2], [0.31, 0.2], [0.3, -0.2]])
    rate = _smooth(np.array([[0.3, 0.2], [0.3, -0.2]]), at, np.array([1.0, 1.0, 0.0]))
    assert rate == pytest.approx([1.0, 0.0])


def test_places_far_from_every_episode_stay_blank():
    at = np.array([[0.3, 0.0]])
    distance = REACH_IN_BANDWIDTHS * BANDWIDTH
    places = np.array([[0.3, 0.9 * distance], [0.3, 1.1 * distance]])
    assert np.isnan(_smooth(places, at, np.ones(1))).tolist() == [False, True]


def test_between_a_success_and_a_failure_the_rate_is_a_half():
    at = np.array([[0.3, 0.01], [0.3, -0.01]])
    assert _smooth(np.array([[0.3, 0.0]]), at, np.array([1.0, 0.0])) == pytest.approx([0.5])


def test_straight_ahead_is_x_and_left_is_y():
    places = _table(np.array([0.4, 0.4]), np.array([0.0, np.pi / 2]))
    assert places == pytest.approx(np.array([[0.4, 0.0], [0.0, 0.4]]), abs=1e-12)


def test_the_picture_shows_success_on_the_left_where_it_is():
    task = ToyTask()
    phi = task.phi_sets["table"].sample(300, torch.Generator().manual_seed(0))
    episodes = {"table": TensorDict({"phi": phi, "success": phi[:, 1] > 0}, [300])}
    canvas = FigureCanvasAgg(success_heatmap(task.phi_space, task.phi_sets, episodes))
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    yellow = (abs(pixels - [253, 231, 37]).sum(-1) < 40).nonzero()[1]  # rate 1 in viridis
    purple = (abs(pixels - [68, 1, 84]).sum(-1) < 40).nonzero()[1]  # rate 0
    assert np.median(yellow) < np.median(purple)


def test_a_run_logs_the_picture_and_keeps_it_as_a_file(tmp_path, toy_rollout):
    trainer = toy_trainer(tmp_path, SuccessHeatmap(), RolloutEvaluation(episodes=3))
    trainer.fit(ToyLearner(), ToyTask())
    assert events(trainer).Tags()["images"] == ["rollout/heatmap"]
    assert (tmp_path / "lightning_logs/version_0/rollout/heatmap.png").stat().st_size > 10_000


class Collecting(Callback):
    """Stands in for the collection: tells the curriculum of attempts, other ones each time."""

    collected = 0

    def on_train_epoch_start(self, trainer, pl_module):
        task, curriculum = trainer.datamodule, Curriculum.among(trainer)
        phi = task.phi_sets["table"].sample(40 * (1 + trainer.current_epoch), torch.Generator())
        curriculum.advance(trainer, pl_module, phi, phi[:, 1] > 0)


def test_the_growing_level_is_drawn_now_and_then_and_becomes_a_film(tmp_path, toy_rollout):
    callbacks = (
        Curriculum(BoundaryExpansion()),
        Collecting(),
        CurriculumHeatmap(rate=2.0, every_n_epochs=2),
        RolloutEvaluation(episodes=3, every_n_epochs=3),
    )
    trainer = toy_trainer(tmp_path, *callbacks, max_epochs=5)
    trainer.fit(ToyLearner(), ToyTask())
    assert "curriculum/heatmap" in events(trainer).Tags()["images"]
    folder = tmp_path / "lightning_logs/version_0/curriculum"
    assert len(list((folder / "frames").glob("*.png"))) == 3
    with Image.open(folder / "growth.gif") as film:
        assert film.n_frames == 3
        assert film.info["duration"] == 500


def test_a_task_whose_phi_has_no_place_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="needs phi dimensions 'radius' and 'bearing'"):
        SuccessHeatmap().setup(
            type("T", (), {"datamodule": LightningDataModule()})(), ToyLearner(), "fit"
        )
