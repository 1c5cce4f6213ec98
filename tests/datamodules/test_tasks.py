"""Every task: sets nest, a script solves it, doing nothing or anything at random does not."""

import itertools

import pytest
import torch

from datamodules.demonstrations import Demonstrations
from datamodules.four_axes import FourAxes
from datamodules.pick_banana import PickBanana
from datamodules.place_in_bowl import PlaceInBowl
from robot.record import demonstrate
from robot.rollout import rollout

TASKS = [PickBanana, PlaceInBowl, FourAxes]


@pytest.fixture(params=TASKS, ids=lambda t: t.task_name)
def task(request, tmp_path):
    return request.param("point", {"demonstrations": Demonstrations(tmp_path)})


class RandomPolicy:
    """Moves to random places all over the task's range of commands."""

    observation_horizon, action_horizon = 2, 8

    def __init__(self, spec):
        self.low, self.high = torch.tensor(spec.action.low), torch.tensor(spec.action.high)

    def __call__(self, observations, generator=None):
        noise = torch.rand(len(observations), 8, len(self.low), generator=generator)
        return self.low + (self.high - self.low) * noise


def test_phi_sets_nest_and_the_first_is_the_smallest(task):
    names = list(task.phi_sets)
    assert len(names) > 1
    generator = torch.Generator().manual_seed(0)
    for smaller, larger in itertools.pairwise(names):
        inside = task.phi_sets[smaller].sample(200, generator)
        assert task.phi_sets[larger].contains(inside).all()
        outside = task.phi_sets[larger].sample(200, generator)
        assert not task.phi_sets[smaller].contains(outside).all()


@pytest.mark.parametrize("which", [0, -1], ids=["smallest", "largest"])
def test_the_scripted_operator_solves_the_task(task, which):
    task.phi_set = list(task.phi_sets.values())[which]
    episodes = list(demonstrate(task.environment(16, seed=3, num_threads=1), task.plan(), seed=3))
    success = [bool(e["next", "reward"][-1] > 0) for e in episodes]
    assert sum(success) >= 15
    for episode in episodes:
        reward = episode["next", "reward"].squeeze(-1)
        assert reward.sum() <= 1  # sparse: 1 at success, which ends the episode
        assert not reward[:-1].any()


def test_attempts_of_the_operator_differ_as_a_persons_do(task):
    env = task.environment(8, seed=0, num_threads=1)
    episodes = list(demonstrate(env, task.plan(), seed=0))
    lengths = torch.tensor([len(e) for e in episodes], dtype=torch.float)
    assert lengths.std() > 2
    n = int(lengths.min())
    paths = torch.stack([e["action"][:n] for e in episodes])
    assert (paths.std(0)[n // 2] > 1e-3).any()


def test_what_is_recorded_is_what_was_sent(task):
    episode = next(demonstrate(task.environment(1, seed=0, num_threads=1), task.plan(), seed=0))
    sent = episode["observation", "last_command"][1:]
    assert torch.equal(episode["action"][:-1], sent)
    assert (episode["observation_time"].diff(dim=0) > 0).all()
    assert (episode["command_time"] >= episode["observation_time"]).all()


def test_observations_and_actions_of_demonstrations_lie_within_the_tasks_ranges(task):
    task.phi_set = task.phi_sets["table"]
    env = task.environment(16, seed=1, num_threads=1)
    for episode in demonstrate(env, task.plan(), seed=1):
        flat = {k: v.flatten(1) for k, v in episode["observation"].items()}
        for field, bounds in task.spec.observation.items():
            if field in ("joint_velocity", "object_place", "object_offset", "goal"):
                continue  # a servo overshoots for a moment, a bowl may be far to the side
            present = flat[field].abs() > 0  # an empty slot is zero, whatever the range
            low, high = torch.tensor(bounds.low), torch.tensor(bounds.high)
            assert ((flat[field] >= low - 1e-3) | ~present).all(), field
            assert ((flat[field] <= high + 1e-3) | ~present).all(), field
        low, high = torch.tensor(task.spec.action.low), torch.tensor(task.spec.action.high)
        assert (episode["action"] >= low - 1e-6).all()
        assert (episode["action"] <= high + 1e-6).all()


@pytest.mark.parametrize(
    "n", [16, pytest.param(256, marks=pytest.mark.slow)], ids=["quick", "many"]
)
def test_a_random_policy_scores_nothing(task, n):
    smallest, *_, largest = task.phi_sets.values()
    for phi_set in (smallest, largest):
        phi = phi_set.sample(n, torch.Generator().manual_seed(0))
        out = rollout(task.environment(min(n, 64)), RandomPolicy(task.spec), phi, seed=0)
        assert not out["success"].any()
        assert (out["length"] == task.max_steps).all()


def test_an_unknown_phi_set_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="no phi set 'everywhere'; there are point, near, wide"):
        PickBanana("everywhere", {"demonstrations": Demonstrations(tmp_path)})


def test_the_named_sets_of_pick_banana_are_as_wide_as_they_say():
    low, high = (
        torch.tensor(x)
        for x in (
            PickBanana.phi_sets["wide"].boxes[0].low,
            PickBanana.phi_sets["wide"].boxes[0].high,
        )
    )
    assert low.tolist() == pytest.approx([0.26, -0.12 / 0.37, -1.5])
    assert high.tolist() == pytest.approx([0.48, 0.12 / 0.37, 1.5])
    point = PickBanana.phi_sets["point"].sample(100, torch.Generator().manual_seed(0))
    assert (point[:, 0] - 0.37).abs().max() <= 0.005
    assert point[:, 2].abs().max() <= 0.05
