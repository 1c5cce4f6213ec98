"""Arms by themselves: they put things in place, come back from faults, go on without each other."""

import contextlib

import pytest
import torch

from datamodules import PickBanana, Rollouts
from lightning_modules.policy import load_policy
from robot.arm_errors import ArmError
from robot.arm_session import arm_session, go
from robot.rests import Rests
from robot.rollout import completed, rollout
from robot.self_reset import SelfReset
from robot.stations import Stations
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault
from robot.virtual.served import served
from robot.virtual.tabletop import VirtualTabletop

SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


def banana(phi_set="near"):
    return PickBanana(phi_set, {"rollouts": Rollouts()})


def poses(task, n, seed=1):
    return task.phi_set.sample(n, torch.Generator().manual_seed(seed))


@pytest.mark.slow
def test_an_arm_puts_a_banana_where_it_is_wanted():
    task = banana("table")
    wanted = poses(task, 4)
    with served(VirtualArm(task=task)) as virtual:
        arm = virtual.driver()
        with arm_session(arm, clock=virtual.clock) as loop:
            table = VirtualTabletop(virtual.world, task)
            resets = SelfReset(loop, table, task, virtual.clock)
            go([loop], [arm.description.home_command], virtual.clock)
            table.reset(wanted[0])
            assert not resets.put(wanted[0])  # what lies there is not known yet
            for phi in wanted[1:]:
                assert resets.put(phi)
                go([loop], [arm.description.home_command], virtual.clock)
                assert resets.is_done(phi)
                place = virtual.world.ask("world").object_position[0, 0]
                assert (place - task.place(phi[None])[0, 0, :3]).norm() < 0.02
            virtual.world.ask("reset", torch.tensor([0.9, 0.3, 0.0]))  # out of reach
            assert not resets.put(wanted[0])


@pytest.fixture
def two(tmp_path):
    """Two virtual arms as stations."""
    task = banana("point")
    with contextlib.ExitStack() as opened:
        virtual = [opened.enter_context(served(VirtualArm(task=task))) for _ in range(2)]
        stations = Stations(
            [arm.port for arm in virtual],
            clock="lockstep",
            episodes=str(tmp_path / "episodes"),
            self_reset=True,
        )
        yield task, virtual, stations
        with contextlib.suppress(ArmError):
            stations.close()


@pytest.mark.slow
def test_when_one_of_two_arms_dies_the_other_goes_on_and_nothing_is_lost(two):
    task, virtual, stations = two
    env = stations.environment(task, task.phi_set, 0)
    batches = []

    def on_batch(n):
        batches.append(n)
        if len(batches) == 2:
            virtual[1].world.ask("suffer", ServoFault(7, "dead"))

    made = rollout(env, load_policy(SKILL), poses(task, 8), seed=0, on_batch=on_batch)
    assert len(made) == 8
    assert batches == [2, 2, 2, 1, 1]  # the third is when it is found out
    assert int(made["aborted"].sum()) == 1
    assert completed(made)["success"].all()
    metrics = stations.metrics()
    assert (metrics["arms"], metrics["working"], metrics["episodes"]) == (2, 1, 7)
    assert metrics["resets"] >= 3
    # Both arms' first banana, the dead servo, and perhaps a banana that slipped.
    assert 3 <= metrics["interventions"] <= 4
    assert len(env._store) == 7
    assert "servo 7" in env.trouble


@pytest.mark.slow
def test_an_arm_that_lets_go_comes_back_by_itself(two):
    task, virtual, stations = two
    env = stations.environment(task, task.phi_set, 0)

    def on_batch(n):
        if not stations.metrics()["recoveries"]:
            virtual[0].world.ask("suffer", ServoFault(7, "overloaded"))

    made = rollout(env, load_policy(SKILL), poses(task, 6), seed=0, on_batch=on_batch)
    metrics = stations.metrics()
    assert metrics["recoveries"] >= 1
    assert metrics["working"] == 2
    assert completed(made)["success"].all()
    assert len(completed(made)) == metrics["episodes"]


@pytest.mark.slow
def test_without_any_arm_it_ends_with_what_is_wrong(two):
    task, virtual, stations = two
    env = stations.environment(task, task.phi_set, 0)
    for arm in virtual:
        arm.world.ask("suffer", ServoFault(7, "dead"))
    with pytest.raises(ArmError, match=r"no arm works any more: servo 7 .* does not answer"):
        rollout(env, load_policy(SKILL), poses(task, 2), seed=0)


@pytest.mark.slow
def test_an_arm_rests_after_so_long_and_while_it_is_hot():
    task = banana("point")
    with contextlib.ExitStack() as opened:
        virtual = opened.enter_context(served(VirtualArm(task=task)))
        rests = Rests(margin=8, cooling=8, work=8, rest=60)
        stations = Stations([virtual.port], clock="lockstep", self_reset=True, rests=rests)
        opened.callback(stations.close)
        env = stations.environment(task, task.phi_set, 0)
        begun = env.clock.now()
        made = rollout(env, load_policy(SKILL), poses(task, 4), seed=0)
        assert completed(made)["success"].all()
        metrics = stations.metrics()
        assert metrics["rests"] >= 1
        assert metrics["rest_s"] >= 60 * metrics["rests"]
        worked = env.clock.now() - begun - metrics["rest_s"]
        assert worked < (metrics["rests"] + 1) * (8 + 25)  # an episode is not cut
        assert metrics["interventions"] == 1  # its first banana
