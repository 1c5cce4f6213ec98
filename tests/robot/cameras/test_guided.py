"""The arm calibrates a camera whose place is known, and picks by what that camera sees."""

import contextlib

import numpy as np
import pytest
import torch

from datamodules import PickBanana, Rollouts
from lightning_modules.policy import load_policy
from robot.arm_session import arm_session, go
from robot.cameras.calibration import Calibration, calibrate
from robot.cameras.guided import GRIPPER_TAG_SIZE, carry
from robot.cameras.transforms import angle
from robot.episodes import EpisodeStore
from robot.rollout import rollout
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.tags import gripper_from_tag
from robot.stations import Stations
from robot.tables import TableCamera
from robot.virtual.arm import VirtualArm
from robot.virtual.camera import VIEW, VirtualCamera
from robot.virtual.served import served

SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


def camera_over(virtual):
    try:
        return VirtualCamera(virtual.world, virtual.clock)
    except NoOpenGLError as error:
        pytest.skip(str(error))


def test_the_arm_finds_out_where_the_camera_is():
    with served(VirtualArm()) as virtual:
        camera, arm = camera_over(virtual), virtual.driver()
        with arm_session(arm, clock=virtual.clock) as loop:
            go([loop], [arm.description.home_command], virtual.clock)
            hands, seen = carry(loop, camera)
        found = calibrate(hands, seen, GRIPPER_TAG_SIZE, camera.lens)
        camera.close()
    assert found.poses >= 8
    assert np.linalg.norm(found.base_from_camera[:3, 3] - VIEW[:3, 3]) < 0.01
    assert np.degrees(angle(found.base_from_camera, VIEW)) < 1
    on_hand = found.hand_from_tag[:3, 3] + [arm.description.grasp_point, 0, 0]
    np.testing.assert_allclose(on_hand, gripper_from_tag()[:3, 3], atol=0.005)


@pytest.mark.slow
def test_a_banana_is_picked_by_what_the_camera_sees_and_filmed(tmp_path):
    calibration = Calibration(VIEW, np.eye(4), 0.1, 10)
    calibration.save(tmp_path / "camera.yaml")
    camera = TableCamera("virtual", str(tmp_path / "camera.yaml"))
    task = PickBanana("point", {"rollouts": Rollouts()})
    with contextlib.ExitStack() as opened:
        virtual = opened.enter_context(served(VirtualArm(task=task)))
        camera_over(virtual).close()  # or there is no OpenGL
        stations = Stations(
            [virtual.port],
            clock="lockstep",
            episodes=str(tmp_path / "episodes"),
            cameras=[camera],
            film=True,
        )
        opened.callback(stations.close)
        env = stations.environment(task, task.phi_set, 0)
        phi = task.phi_set.sample(2, torch.Generator().manual_seed(3))
        episodes = rollout(env, load_policy(SKILL), phi, seed=0)
        assert episodes["success"].tolist() == [True] * 2
        assert virtual.world.ask("success")  # and so it is
        beyond = torch.tensor([[1.5, 0.0, 0.0]])  # where no camera looks
        env.reset(phi=beyond)
        assert not env.working.any()
        assert "the camera does not see tag 0: is it on top" in env.trouble
    store = EpisodeStore.open(tmp_path / "episodes")
    for i in store.ids:
        film, numbers = store.films(i)["front"], store.load(i)["frame", "front"].flatten()
        assert len(list(film.pictures())) == len(film.stamps) > 1
        assert 0 <= int(numbers.min()) <= int(numbers.max()) < len(film.stamps)
