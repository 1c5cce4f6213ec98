"""Several arms as one environment, their episodes on disk, and a curriculum that they drive."""

import contextlib

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from toy_task import tiny_trainer

from callbacks import BoundaryExpansion, Curriculum, RolloutCollection
from datamodules import PickBanana, Rollouts
from lightning_modules import PolicyGradient
from lightning_modules.policy import load_policy
from robot.arm_errors import ArmError
from robot.episodes import EpisodeStore
from robot.rollout import rollout
from robot.stations import Stations
from robot.tables import TableCamera
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault
from robot.virtual.served import served

SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


@contextlib.contextmanager
def banana(count, tmp_path, **arguments):
    """The task on so many virtual arms, and them."""
    scene = PickBanana("point", {"rollouts": Rollouts()})
    with contextlib.ExitStack() as stack:
        arms = [stack.enter_context(served(VirtualArm(task=scene))) for _ in range(count)]
        ports = [arm.port for arm in arms]
        stations = Stations(ports, clock="lockstep", episodes=str(tmp_path / "episodes"))
        sources = {"rollouts": Rollouts(**arguments)}
        yield PickBanana("point", sources, stations=stations), arms
        with contextlib.suppress(ArmError):
            stations.close()


def test_two_arms_pick_side_by_side_and_every_episode_is_kept(tmp_path):
    with banana(2, tmp_path) as (task, _):
        env = task.environment(128)
        assert env.num_envs == 2
        assert task.environment(1) is env
        phi = task.phi_set.sample(3, torch.Generator().manual_seed(1))
        episodes = rollout(env, load_policy(SKILL), phi, seed=0)
        assert episodes["success"].tolist() == [True] * 3
        for loop in (station.loop for station in env._stations):
            assert loop.statistics.metrics()["loop/late"] == 0
        store = EpisodeStore.open(tmp_path / "episodes")
        kept = [store.info(i) for i in store.ids]
        assert len(kept) == 3
        assert all(info.success and info.operator == "policy" for info in kept)
        lengths = sorted(len(store.load(i)) for i in store.ids)
        assert lengths == sorted(episodes["length"].tolist())


def test_when_an_arm_fails_what_was_finished_is_kept_and_it_is_named(tmp_path):
    with banana(1, tmp_path) as (task, (virtual,)):
        env = task.environment(1)
        phi = task.phi_set.sample(1, torch.Generator().manual_seed(1))
        rollout(env, load_policy(SKILL), phi, seed=0)
        virtual.world.ask("suffer", ServoFault(7, "dead"))
        with pytest.raises(ArmError, match=r"servo 7 \(wrist_angle\) does not answer"):
            rollout(env, load_policy(SKILL), phi, seed=0)
        assert len(EpisodeStore.open(tmp_path / "episodes")) == 1
        with pytest.raises(ArmError, match="support it"):
            task.stations.close()


@pytest.mark.slow
def test_a_curriculum_grows_by_what_an_arm_does(tmp_path):
    with banana(2, tmp_path, passes=1, minibatches=2) as (task, _):
        strategy = BoundaryExpansion(widen=0.6, attempts=1, step=0.2)
        curriculum = Curriculum(strategy, ring_episodes=2)
        collection = RolloutCollection(6)
        trainer = tiny_trainer(
            max_epochs=2,
            enable_checkpointing=True,
            default_root_dir=tmp_path,
            callbacks=[curriculum, collection, ModelCheckpoint(tmp_path)],
        )
        before = strategy.progress if hasattr(strategy, "level") else 0.0
        trainer.fit(PolicyGradient(task.spec, beachhead=SKILL), task)
        assert strategy.progress > before
        store = EpisodeStore.open(tmp_path / "episodes")
        assert len(store) == collection.collected + curriculum.tried
        assert collection.robot_s > 0


def test_arms_need_ports_of_their_own():
    with pytest.raises(ValueError, match="a port of its own, these are given: "):
        Stations(["/dev/ttyUSB0", "/dev/ttyUSB0"])
    with pytest.raises(ValueError, match="a camera of its own: 1 for 2"):
        Stations(["/dev/a", "/dev/b"], cameras=[TableCamera(0)])
    with pytest.raises(ValueError, match="without cameras nothing is filmed"):
        Stations(["/dev/a"], film=True)
    task = PickBanana("point", {"rollouts": Rollouts()}, stations=Stations(["/dev/none"]))
    with pytest.raises(FileNotFoundError, match="no virtual arm is on /dev/none"):
        task.environment(1)
