"""Driven arms as an environment: the same keys and numbers as the simulated one, and a pick."""

import pytest
import torch

from datamodules import PickBanana, Rollouts
from lightning_modules.policy import load_policy
from robot.arm_env import ArmEnv
from robot.arm_session import arm_session
from robot.rollout import rollout
from robot.station import Station
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault
from robot.virtual.served import served
from robot.virtual.tabletop import VirtualTabletop

SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


@pytest.fixture(scope="module")
def task():
    return PickBanana("point", {"rollouts": Rollouts()})


@pytest.fixture(scope="module")
def virtual(task):
    with served(VirtualArm(task=task)) as virtual:
        yield virtual


@pytest.fixture(scope="module")
def driven(task, virtual):
    with arm_session(virtual.driver(), clock=virtual.clock) as loop:
        station = Station(loop, VirtualTabletop(virtual.world, task))
        yield ArmEnv(task, [station], task.phi_set, clock=virtual.clock)


def test_what_it_shows_is_what_it_says_it_shows(driven):
    now = driven.reset()
    assert driven.observation_spec.is_in(now)
    after = driven.step(now.set("action", now["observation", "last_command"]))["next"]
    assert driven.observation_spec.is_in(after.select(*driven.observation_spec.keys()))
    assert driven.full_done_spec.is_in(after.select(*driven.full_done_spec.keys()))


def test_it_shows_what_the_simulated_one_shows(driven):
    phi = torch.tensor([[0.38, 0.01, 0.02]])
    simulated = driven.task.environment(1)
    ours, theirs = driven.reset(phi=phi), simulated.reset(phi=phi)
    assert set(ours.keys(True, True)) == set(theirs.keys(True, True))
    for name, value in ours["observation"].items():
        atol = 0.05 if "turn" in name or "posture" in name else 0.03
        torch.testing.assert_close(value, theirs["observation", name], atol=atol, rtol=0.05)
    simulated.close()


def test_a_policy_picks_a_banana_through_driver_bus_and_servos(driven):
    policy = load_policy(SKILL)
    phi = driven.task.phi_set.sample(3, torch.Generator().manual_seed(7))
    episodes = rollout(driven, policy, phi, seed=0)
    assert episodes["success"].tolist() == [True] * 3
    assert driven._stations[0].loop.fault is None


def test_an_arm_that_fails_on_its_way_home_is_brought_back(driven, virtual):
    (station,) = driven._stations
    recoveries, interventions = station.log.recoveries, station.log.interventions
    virtual.world.ask("suffer", ServoFault(6, "overloaded"))  # not yet known to the loop
    assert station.works
    driven.reset()
    assert driven.working.all()
    assert station.log.recoveries == recoveries + 1
    assert station.log.interventions == interventions


def test_arms_of_two_kinds_are_no_environment():
    with pytest.raises(ValueError, match="one kind of arm, 0 are given"):
        ArmEnv(PickBanana("point", {"rollouts": Rollouts()}), [], None)
