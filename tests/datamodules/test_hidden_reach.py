"""The cheap family: seen elsewhere, judged at the end, and as fast as it is said to be."""

import pytest
import torch
from torchrl.envs.utils import check_env_specs

from datamodules import HiddenReach, Rollouts
from datamodules.check import admission, admitted, reference
from datamodules.hidden_reach import NEAR
from robot.rollout import rollout
from robot.simulation.point import SPEED


class Straight:
    """Goes for the target where it is seen."""

    observation_horizon, action_horizon = 1, 8

    def __call__(self, observations, generator=None):
        return observations["target"][:, -1:].expand(-1, 8, 2)


@pytest.fixture
def task():
    return HiddenReach("wide", {"rollouts": Rollouts()})


def test_it_is_an_environment_as_torchrl_asks_for(task):
    check_env_specs(task.environment(3))


def test_one_succeeds_who_ends_near_the_truth_however_it_is_seen(task):
    phi = task.phi_set.sample(500, torch.Generator().manual_seed(0))
    ended = rollout(task.environment(500), Straight(), phi, seed=0)
    error = phi[:, 2:].norm(dim=1)
    assert torch.equal(ended["success"], error < NEAR)
    assert (ended["length"] == task.max_steps).all()


def test_the_point_goes_no_farther_in_a_step_than_its_speed_allows(task):
    phi = task.phi_set.sample(20, torch.Generator().manual_seed(0))
    moved = rollout(task.environment(20), Straight(), phi, seed=0, record=True)["state"]
    steps = (moved[:, 1:] - moved[:, :-1]).norm(dim=-1)
    assert float(steps.max()) == pytest.approx(SPEED, rel=1e-3)


def test_what_would_be_seen_under_the_truth_is_where_the_target_is(task):
    env = task.environment(50)
    phi = task.phi_set.sample(50, torch.Generator().manual_seed(0))
    seen = env.reset(phi=phi)["observation"]
    shown = task.as_if(seen, task.phi_space.hidden(phi))
    assert task.reached(shown["target"], phi).all()
    torch.testing.assert_close(shown["offset"], shown["target"] - seen["point"])


def test_it_is_worth_remembering_and_a_search_takes_about_five_attempts(task):
    assert admitted(admission(task, 500, seed=0))
    phi = task.phi_set.sample(1000, torch.Generator().manual_seed(0))
    curve = reference(task, phi, 6, seed=0).float().mean(0).tolist()
    assert curve == sorted(curve)
    assert curve[2] < 0.65
    assert 0.8 < curve[4] < 0.95
