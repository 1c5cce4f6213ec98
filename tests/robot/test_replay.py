"""What was recorded is done again: the same movement, within what servos lag behind."""

import pytest
import torch
from tensordict import TensorDict

from datamodules import PickBanana, Rollouts
from lightning_modules.policy import load_policy
from robot.arm_env import ArmEnv
from robot.arm_errors import RefusedCommandError
from robot.arm_session import arm_session
from robot.episodes import EpisodeStore
from robot.replay import replay
from robot.rollout import rollout
from robot.station import Station
from robot.virtual.arm import VirtualArm
from robot.virtual.served import served
from robot.virtual.tabletop import VirtualTabletop

SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


def test_an_episode_is_replayed_and_picks_again(tmp_path):
    task = PickBanana("point", {"rollouts": Rollouts()})
    store = EpisodeStore.open_or_create(tmp_path / "episodes", task.spec)
    phi = task.phi_set.sample(1, torch.Generator().manual_seed(1))
    with served(VirtualArm(task=task)) as virtual:
        arm = virtual.driver()
        with arm_session(arm, clock=virtual.clock) as loop:
            table = VirtualTabletop(virtual.world, task)
            env = ArmEnv(
                task, [Station(loop, table)], task.phi_set, clock=virtual.clock, store=store
            )
            rollout(env, load_policy(SKILL), phi, seed=0)
            episode = store.load(store.ids[-1])
            env.reset(phi=phi)  # the arm at home, the banana where it was
            found = replay(loop, episode, task.spec.rate)
            assert virtual.world.ask("success")
            assert found.error < 0.02
            assert found.worst < 0.1
            short = TensorDict({"action": torch.zeros(3, 6)}, batch_size=[3])
            with pytest.raises(RefusedCommandError, match="commands 6 joints, viperx300s has 7"):
                replay(loop, short, 10.0)
