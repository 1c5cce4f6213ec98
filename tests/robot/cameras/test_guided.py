"""The arm calibrates a camera whose place is known, and picks by what that camera sees."""

import numpy as np
import pytest
import torch

from datamodules import PickBanana, Rollouts
from lightning_modules.policy import load_policy
from robot.arm_env import ArmEnv
from robot.arm_session import arm_session, go
from robot.cameras.calibration import calibrate
from robot.cameras.guided import GRIPPER_TAG_SIZE, carry
from robot.cameras.tabletop import CameraTabletop
from robot.cameras.transforms import angle
from robot.rollout import rollout
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.tags import gripper_from_tag
from robot.station import Station
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
def test_a_banana_is_picked_by_what_the_camera_sees():
    task = PickBanana("point", {"rollouts": Rollouts()})
    with served(VirtualArm(task=task)) as virtual:
        camera, arm, world = camera_over(virtual), virtual.driver(), virtual.world
        table = CameraTabletop(
            camera, VIEW, task, arm.description, lambda phi: world.ask("reset", phi)
        )
        with arm_session(arm, clock=virtual.clock) as loop:
            env = ArmEnv(task, [Station(loop, table)], task.phi_set, clock=virtual.clock)
            phi = task.phi_set.sample(2, torch.Generator().manual_seed(3))
            episodes = rollout(env, load_policy(SKILL), phi, seed=0)
            assert episodes["success"].tolist() == [True] * 2
            assert world.ask("success")  # and so it is
            beyond = torch.tensor([[1.5, 0.0, 0.0]])  # where no camera looks
            env.reset(phi=beyond)
            assert not env.working.any()
            assert "the camera does not see tag 0: is it on top" in env.trouble
        camera.close()
