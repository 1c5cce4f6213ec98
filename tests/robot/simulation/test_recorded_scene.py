"""What is drawn of an episode is what the simulation had been."""

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import PickBanana, Rollouts
from robot.__main__ import main
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.film import Film
from robot.record import demonstrate
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.recorded_scene import draw_episode, recorded_positions
from robot.simulation.rendering import Renderer


@pytest.fixture(scope="module")
def demonstrated():
    """A task, a demonstration of it, and its information."""
    task = PickBanana("wide", {"rollouts": Rollouts()})
    env = task.environment(1, seed=3, num_threads=1)
    (episode,) = demonstrate(env, task.plan(), seed=3)
    phi = dict(zip(task.phi_space.names, episode["phi"][0].tolist(), strict=True))
    return task, episode, EpisodeInfo("scripted", True, phi)


def test_positions_are_those_of_the_simulation(demonstrated):
    task, episode, _ = demonstrated
    env = task.environment(8, seed=1, num_threads=1)
    now = env.reset()
    for action in (None, *episode["action"][:10]):
        if action is not None:
            now = env.step(now.set("action", action.expand(8, -1)))["next"]
        found, truth = recorded_positions(now), env.physics_state[:, :15].float()
        same = (found[:, -4:] * truth[:, -4:]).sum(1, keepdim=True).sign()  # q and -q are one turn
        found[:, -4:] *= same
        # Two fingers are coupled, not one; the pads give a little.
        torch.testing.assert_close(found, truth, atol=2e-3, rtol=0)


@pytest.fixture
def opengl():
    try:
        Renderer(96, 72).close()
    except NoOpenGLError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("opengl")
def test_an_episode_is_drawn_step_by_step(demonstrated):
    task, episode, info = demonstrated
    pictures = draw_episode(episode, info, task, 96, 72)
    assert pictures.shape == (len(episode), 72, 96, 3)
    yellow = (pictures[..., 0] > 150) & (pictures[..., 2] < 90)
    rows = [np.nonzero(picture)[0].mean() for picture in yellow[[0, -1]]]
    assert rows[1] < rows[0] - 3  # the banana goes up


@pytest.mark.usefixtures("opengl")
def test_the_command_line_makes_a_film(demonstrated, tmp_path, capsys):
    task, episode, info = demonstrated
    store = EpisodeStore.create(tmp_path / "banana", task.spec, phi_set="wide")
    store.append(episode, info)
    file = tmp_path / "episode.mp4"
    main(["episodes", "play", str(store.path), "0", "--to", str(file)])
    assert f"{len(episode)} steps, drawn" in " ".join(capsys.readouterr().out.split())
    pictures = list(Film(file, ()).pictures())
    assert len(pictures) == len(episode)
    assert Image.fromarray(pictures[0]).size == (640, 480)


def test_an_episode_of_unknown_parameters_is_not_drawn(demonstrated):
    task, episode, _ = demonstrated
    info = EpisodeInfo("mel", True, {"x": 0.1})
    with pytest.raises(
        ValueError, match="has the task parameters x, task 'pick_banana' has radius"
    ):
        draw_episode(episode, info, task, 96, 72)
