"""The video and the denoising picture: what they choose, and that they render."""

import numpy as np
import pytest
import torch
from rollout_toys import ToyLearner, ToyTask, events, toy_trainer
from tensordict import TensorDict

from callbacks import DenoisingPicture, RolloutEvaluation, RolloutVideo, scene_picture
from callbacks.denoising import drawn_steps, gripper_paths, observations_before
from callbacks.video import choose, mosaic
from robot.forward_kinematics import forward_kinematics
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.rendering import Renderer

PICTURES = (RolloutVideo, DenoisingPicture)


@pytest.fixture
def opengl():
    try:
        Renderer(32, 24).close()
    except NoOpenGLError as error:
        pytest.skip(str(error))


def outcome(*success):
    return TensorDict({"success": torch.tensor(success)}, [len(success)])


def test_episodes_of_an_outcome_are_chosen_from_all_sets_in_turn():
    recordings = {"point": outcome(True, True, True), "near": outcome(False, True, False)}
    assert choose(recordings, True, 3) == [("point", 0), ("near", 1), ("point", 1)]
    assert choose(recordings, False, 3) == [("near", 0), ("near", 2)]


def test_a_short_row_is_filled_and_an_empty_one_left_out():
    view = np.zeros((5, 4, 6, 3), dtype=np.uint8)
    assert mosaic([[view, view], []]).shape == (5, 4, 12, 3)
    both = mosaic([[view, view], [view]])
    assert both.shape == (5, 8, 12, 3)
    assert (both[:, 4:, 6:] == 255).all()


def test_at_the_first_step_the_policy_saw_the_first_observation_repeated():
    steps = TensorDict({"x": torch.arange(6.0)[:, None]}, [6])
    episode = TensorDict({"trajectory": TensorDict({"observation": steps}, [6])}, [])
    assert observations_before(episode, 0, 2)["x"].flatten().tolist() == [0, 0]
    assert observations_before(episode, 4, 3)["x"].flatten().tolist() == [2, 3, 4]


@pytest.mark.parametrize(("total", "n"), [(21, 6), (101, 6), (3, 6), (2, 2)])
def test_drawn_denoising_steps_lead_from_noise_to_clean_ever_more_closely(total, n):
    gaps = np.diff(drawn_steps(total, n))
    assert gaps.sum() == total - 1
    assert len(gaps) < n
    assert (gaps > 0).all()
    assert (np.diff(gaps) <= 0).all()


def test_a_path_is_where_the_commanded_joints_put_the_gripper():
    arm = ToyTask().arm
    chunks = torch.rand(3, 4, 7, generator=torch.Generator().manual_seed(0)) - 0.5
    lines = gripper_paths(arm, chunks, np.array([0.0, 0.5, 1.0]))
    expected, _ = forward_kinematics(arm, chunks[2, 1, :6].double())
    assert lines[2].points[1] == pytest.approx(expected.numpy())
    assert [line.points.shape for line in lines] == [(4, 3)] * 3
    assert lines[0].radius < lines[1].radius < lines[2].radius


@pytest.mark.usefixtures("opengl")
def test_a_run_logs_the_video_and_the_denoising_of_a_chunk(tmp_path):
    pictures = [RolloutVideo(1, 80, 60), DenoisingPicture(width=160, height=120)]
    trainer = toy_trainer(tmp_path, *pictures, RolloutEvaluation(episodes=1))
    trainer.fit(ToyLearner(), ToyTask())
    assert sorted(events(trainer).Tags()["images"]) == ["rollout/denoising", "rollout/video"]


def no_opengl(*args):
    raise NoOpenGLError("no OpenGL here")


@pytest.mark.parametrize("picture", PICTURES)
def test_without_opengl_a_run_is_refused_before_it_starts(tmp_path, monkeypatch, picture):
    monkeypatch.setattr(scene_picture, "Renderer", no_opengl)
    with pytest.raises(NoOpenGLError, match="no OpenGL here"):
        toy_trainer(tmp_path, picture()).fit(ToyLearner(), ToyTask())


@pytest.mark.parametrize("picture", PICTURES)
def test_without_opengl_a_run_goes_on_without_pictures_if_told_so(
    tmp_path, monkeypatch, toy_rollout, picture
):
    monkeypatch.setattr(scene_picture, "Renderer", no_opengl)
    trainer = toy_trainer(tmp_path, picture(without_opengl="skip"), RolloutEvaluation(episodes=2))
    with pytest.warns(UserWarning, match=f"{picture.__name__} is skipped: no OpenGL here"):
        trainer.fit(ToyLearner(), ToyTask())
    assert events(trainer).Tags()["images"] == []
