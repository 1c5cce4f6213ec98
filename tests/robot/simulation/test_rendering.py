import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_toy import ToyTask

from robot.simulation import opengl
from robot.simulation.environment import SimulatedArmEnv
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.rendering import Polyline, Renderer


@pytest.fixture
def fresh(monkeypatch):
    """No backend has been tried yet."""
    monkeypatch.setattr(opengl, "_working", {})
    monkeypatch.delenv("MUJOCO_GL", raising=False)


@pytest.fixture
def renderer():
    try:
        renderer = Renderer(96, 72)
    except NoOpenGLError as error:
        pytest.skip(str(error))
    with renderer:
        yield renderer


def picture(renderer, x, overlay=()):
    task = ToyTask()
    env = SimulatedArmEnv(task, 1, task.phi_sets["all"], num_threads=1)
    env.reset(phi=torch.tensor([[x, 0.0]]))
    (frame,) = renderer.frames(task, env.phi[0], env.physics_state, overlay)
    return frame.astype(int)


def yellow(frame):
    """Where the banana is: mean row and column of yellow pixels."""
    red, green, blue = frame[..., 0], frame[..., 1], frame[..., 2]
    rows, columns = np.nonzero((red > blue + 60) & (green > blue + 60))
    assert len(rows) > 5
    return rows.mean(), columns.mean()


def test_the_banana_is_seen_where_it_is(renderer):
    near, far = yellow(picture(renderer, 0.30)), yellow(picture(renderer, 0.45))
    assert far[0] > near[0] + 2  # towards the camera is down in the picture
    assert far[1] > near[1] + 2


def test_an_overlay_is_drawn(renderer):
    line = Polyline(np.array([[0.2, -0.2, 0.3], [0.4, 0.2, 0.3]]), (1.0, 0.0, 1.0, 1.0), 0.01)
    plain, drawn = picture(renderer, 0.35), picture(renderer, 0.35, [line])
    magenta = (drawn[..., 0] > drawn[..., 1] + 80) & (drawn[..., 2] > drawn[..., 1] + 80)
    assert magenta.sum() > 20
    assert not ((plain[..., 0] > plain[..., 1] + 80) & (plain[..., 2] > plain[..., 1] + 80)).any()


WITHOUT_EGL = """
import torch
from robot.simulation import opengl
from robot.simulation.rendering import Renderer
from simulated_toy import ToyTask

real = opengl._linux_context
def without_egl(backend, width, height):
    if backend == "egl":
        raise ImportError("no EGL here")
    return real(backend, width, height)
opengl._linux_context = without_egl
task = ToyTask()
positions = torch.zeros(1, 36)
positions[0, 11] = 1.0
with Renderer(96, 72) as renderer:
    frame = renderer.frames(task, torch.tensor([0.35, 0.0]), positions)
assert list(opengl._working) == ["osmesa"]
assert frame.std() > 20
"""


def test_without_egl_osmesa_draws():
    if ctypes.util.find_library("OSMesa") is None:
        pytest.skip("OSMesa is not installed")
    here = Path(__file__).parent
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")
    }
    environment["PYTHONPATH"] = f"{here.parents[2]}:{here.parents[1]}"
    subprocess.run([sys.executable, "-c", WITHOUT_EGL], env=environment, check=True)


def test_without_any_opengl_the_error_says_what_was_tried_and_what_to_install(fresh, monkeypatch):
    def nothing(backend, width, height):
        raise AttributeError("'NoneType' object has no attribute 'eglQueryString'")

    monkeypatch.setattr(opengl, "_linux_context", nothing)
    with pytest.raises(NoOpenGLError, match=r"tried egl .* and osmesa .*apt-get install"):
        Renderer(96, 72)
