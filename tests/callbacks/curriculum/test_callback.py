import types

import pytest
import torch
from simulated_toy import SPACE as TOY_SPACE
from simulated_toy import ToyTask
from tensordict import TensorDict

from callbacks.attempts import Group
from callbacks.curriculum import BoundaryExpansion, Curriculum, NoOpFilter
from callbacks.curriculum import callback as module_under_test
from callbacks.curriculum.no_op import NoOp
from robot.phi import PhiSet
from robot.rollout import rollout
from robot.simulation.environment import SimulatedArmEnv

FIRST = PhiSet("first", (TOY_SPACE.box(x=(0.36, 0.38), kind=(0.0, 0.0)),))


class Task(ToyTask):
    """The toy task as a data module: two sets, an environment, a seed."""

    phi_sets = {"first": FIRST, "all": ToyTask.phi_sets["all"]}
    task_name, seed, phi_set = "toy", 0, FIRST

    def environment(self, num_envs, seed=0, num_threads=1):
        return SimulatedArmEnv(self, num_envs, self.phi_set, seed, num_threads)


class Rolling:
    """Stands in for rollouts on a ring: notes the phi, succeeds with the odds that are given."""

    def __init__(self, successes):
        self.successes, self.tried = list(successes), []

    def rollout(self, environment, policy, phi, seed):
        self.tried.append(phi)
        success = torch.arange(len(phi)) < self.successes.pop(0)
        length = torch.full((len(phi),), 7)
        return TensorDict({"phi": phi, "success": success, "length": length}, [len(phi)])

    def attempts(self, num_envs, shots):
        def attempt(task, learner, explores, phi, key):
            assert not explores
            return [Group(self.rollout(None, learner, phi, key), None)]

        return attempt


def alone(task, epoch):
    """What a trainer of one process knows, attempts being collected."""
    return types.SimpleNamespace(
        datamodule=task,
        current_epoch=epoch,
        callbacks=[types.SimpleNamespace(collected=0)],
        global_rank=0,
        world_size=1,
    )


class Logging:
    trainer = alone(None, 0)
    shots = actor = None

    def __init__(self):
        self.logged = {}

    def log(self, name, value, **_):
        self.logged[name] = value

    def log_dict(self, values, **_):
        self.logged.update(values)


def ready(monkeypatch, successes, **arguments):
    """A curriculum whose upper bound of ``x`` is due to move."""
    rolling = Rolling(successes)
    monkeypatch.setattr(module_under_test, "Attempts", rolling.attempts)
    curriculum = Curriculum(
        BoundaryExpansion(step=0.5, attempts=4), whole="all", ring_episodes=32, **arguments
    )
    trainer = alone(Task(), 3)
    curriculum.setup(trainer, None, "fit")
    on_the_bound = torch.tensor([[0.38, 0.0]]).repeat(8, 1)
    on_the_bound[:, 1] = 0.0
    log = Logging()

    def advance(**limits):
        phi = on_the_bound.clone()
        phi[:, 1] = 1e-3  # inside as far as ``kind`` goes
        curriculum.advance(trainer, log, phi, torch.ones(8, dtype=torch.bool), **limits)

    return curriculum, rolling, log, advance


def upper_x(curriculum):
    return curriculum.strategy.level.boxes[0].high[0]


def test_a_level_widens_only_after_its_ring_was_tried_outside_of_it(monkeypatch):
    curriculum, rolling, log, advance = ready(monkeypatch, [16])
    before = curriculum.strategy.level
    advance()
    assert upper_x(curriculum) == pytest.approx(0.38 + 0.5 * (0.45 - 0.38))
    (phi,) = rolling.tried
    assert phi.shape == (32, 2)
    assert curriculum.strategy.level.contains(phi).all()
    assert not before.contains(phi).any()
    assert log.logged["curriculum/expected_return_next"] == 0.5
    assert log.logged["curriculum/expected_return_next/n"] == 32


def test_without_overlap_it_takes_smaller_steps_and_in_the_end_stays(monkeypatch, caplog):
    curriculum, rolling, _, advance = ready(monkeypatch, [0, 0, 0])
    before = curriculum.strategy.level
    with caplog.at_level("INFO"):
        advance()
    assert curriculum.strategy.level == before
    widths = [float(phi[:, 0].max()) - 0.38 for phi in rolling.tried]
    assert widths[0] > 1.5 * widths[1] > 2.2 * widths[2] > 0
    assert "no reward to expect beyond the upper bound of x (0 of 32 attempts" in caplog.text
    assert [ring["accepted"] for ring in curriculum.rings] == [False, False, False]


def test_a_smaller_step_is_taken_where_reward_can_be_expected(monkeypatch):
    curriculum, _, _, advance = ready(monkeypatch, [0, 8])
    advance()
    assert upper_x(curriculum) == pytest.approx(0.38 + 0.25 * (0.45 - 0.38))
    tried = [(ring["expected_return"], ring["accepted"]) for ring in curriculum.rings]
    assert tried == [(0.0, False), (0.25, True)]


@pytest.mark.parametrize(("successes", "widens"), [(2, False), (3, True)])
def test_the_lower_end_of_the_interval_decides_not_the_rate(monkeypatch, successes, widens):
    """2 of 32 are .06, well above .02, and their interval begins at .017; that of 3 at .032."""
    curriculum, _, _, advance = ready(monkeypatch, [successes, 0, 0])
    advance()
    assert (upper_x(curriculum) > 0.38) == widens


def test_a_resumed_curriculum_remembers_what_its_tries_took(monkeypatch):
    curriculum, _, _, advance = ready(monkeypatch, [16])
    advance()
    again, *_ = ready(monkeypatch, [])
    again.load_state_dict(curriculum.state_dict())
    assert (again.tried, again.robot_s) == (32, curriculum.robot_s)
    assert again.robot_s > 0


def test_tries_are_counted_and_logged_together(monkeypatch):
    curriculum, _, log, advance = ready(monkeypatch, [0, 8])
    advance()
    assert curriculum.tried == 64
    assert curriculum.robot_s == pytest.approx(64 * 7 / Task().spec.rate)
    assert log.logged["curriculum/expected_return_next"] == 8 / 64
    assert log.logged["curriculum/expected_return_next/n"] == 64


def test_a_ring_that_the_budget_has_no_room_for_stays_due(monkeypatch):
    curriculum, rolling, _, advance = ready(monkeypatch, [0, 32])
    before = curriculum.strategy.level
    advance(episodes_left=63)  # room for one of two tries
    assert len(rolling.tried) == 1
    assert curriculum.strategy.level == before
    advance()
    assert upper_x(curriculum) > 0.38


def test_a_strategy_that_leaves_something_behind_is_stopped(monkeypatch):
    curriculum, _, _, advance = ready(monkeypatch, [32])
    elsewhere = PhiSet("elsewhere", (TOY_SPACE.box(x=(0.40, 0.41)),))

    def wander(proposal, expected_return):
        curriculum.strategy.level = elsewhere

    monkeypatch.setattr(curriculum.strategy, "accept", wander)
    with pytest.raises(RuntimeError, match="a level that widens must contain the last"):
        advance()


def test_no_ring_is_tried_twice_because_a_step_leads_beyond_the_whole_set(monkeypatch):
    curriculum, rolling, _, advance = ready(monkeypatch, [0, 0, 0, 0])
    curriculum.strategy._steps[:] = 4.0
    advance()
    edges = [float(phi[:, 0].max()) for phi in rolling.tried]
    assert edges[0] > edges[1] + 0.01 > edges[2] + 0.02


def test_a_curriculum_is_not_resumed_as_another(monkeypatch):
    curriculum, _, _, _ = ready(monkeypatch, [])
    saved = curriculum.state_dict()
    for strategy, named in (
        (NoOpFilter(), r"NoOpFilter\(.*trials=256\) from first to all"),
        (
            BoundaryExpansion(step=0.5, attempts=5),
            r"BoundaryExpansion\(.*attempts=5.*\) from first to all",
        ),
    ):
        other = Curriculum(strategy, whole="all")
        other.setup(alone(Task(), 0), None, "fit")
        with pytest.raises(ValueError, match=rf"is BoundaryExpansion\(step=0.5.*, the .* {named}"):
            other.load_state_dict(saved)


def test_a_curriculum_is_not_resumed_from_another_set(monkeypatch):
    curriculum, _, _, _ = ready(monkeypatch, [])
    task = Task()
    task.phi_set = Task.phi_sets["all"]
    other = Curriculum(BoundaryExpansion(step=0.5, attempts=4), whole="all")
    other.setup(alone(task, 0), None, "fit")
    with pytest.raises(ValueError, match=r"from first to all .* is .* from all to all"):
        other.load_state_dict(curriculum.state_dict())


def test_what_is_only_evaluated_may_be_of_any_curriculum_and_tells_no_level(monkeypatch):
    curriculum, _, _, advance = ready(monkeypatch, [16])
    advance()
    saved = curriculum.state_dict()
    same = Curriculum(BoundaryExpansion(step=0.5, attempts=4), whole="all")
    other = Curriculum(NoOpFilter(), whole="all")
    for evaluated, level in ((same, curriculum.strategy.level), (other, None)):
        evaluated.setup(alone(Task(), 0), None, "test")
        assert evaluated.level is None
        evaluated.load_state_dict(saved)
        assert evaluated.level == level


def test_a_test_after_the_training_finds_the_curriculum_where_it_was(monkeypatch):
    curriculum, _, _, advance = ready(monkeypatch, [16])
    advance()
    reached, rings = curriculum.strategy.level, list(curriculum.rings)
    curriculum.setup(alone(Task(), 0), None, "test")
    assert (curriculum.strategy.level, curriculum.rings) == (reached, rings)
    curriculum.setup(alone(Task(), 0), None, "fit")
    assert (curriculum.strategy.level, curriculum.rings, curriculum.tried) == (FIRST, [], 0)


def test_without_attempts_there_is_no_curriculum():
    trainer = alone(Task(), 0)
    trainer.callbacks = []
    with pytest.raises(ValueError, match=r"none are: add callbacks.RolloutCollection"):
        Curriculum(BoundaryExpansion(), whole="all").setup(trainer, None, "fit")


def test_with_the_gate_switched_off_nothing_is_tried(monkeypatch):
    curriculum, rolling, _, advance = ready(monkeypatch, [], gate=False)
    advance()
    assert upper_x(curriculum) > 0.38
    assert rolling.tried == []


def test_a_whole_that_does_not_contain_the_first_set_is_refused():
    curriculum = Curriculum(BoundaryExpansion(), whole="first")
    task = Task()
    task.phi_set = Task.phi_sets["all"]
    trainer = alone(task, 0)
    with pytest.raises(ValueError, match="phi set 'first' does not contain 'all'"):
        curriculum.setup(trainer, None, "fit")
    with pytest.raises(ValueError, match="no phi set 'galaxy'; there are first, all"):
        Curriculum(BoundaryExpansion(), whole="galaxy").setup(trainer, None, "fit")


def test_a_trajectory_gets_the_same_reward_under_every_set_that_contains_its_phi():
    """The premise of the curriculum: widening changes which phi are drawn, nothing else."""

    class Home:
        observation_horizon, action_horizon = 1, 4

        def __call__(self, observations, generator=None):
            return observations["last_command"][:, -1:].repeat(1, 4, 1)

    phi = FIRST.sample(4, torch.Generator().manual_seed(0))
    outcomes = []
    for phi_set in Task.phi_sets.values():
        task = Task(lifted=0.0)
        task.phi_set = phi_set
        outcomes.append(rollout(task.environment(4), Home(), phi, seed=1, record=True))
    first, wide = outcomes
    assert torch.equal(first["success"], wide["success"])
    assert first["success"].all()
    assert (first["trajectory"]["next", "reward"] == wide["trajectory"]["next", "reward"]).all()
    assert torch.equal(first["state"], wide["state"])


def test_doing_nothing_is_tried_once_before_the_filter_begins(monkeypatch):
    rolling = Rolling([5])
    monkeypatch.setattr(module_under_test, "rollout", rolling.rollout)
    curriculum = Curriculum(NoOpFilter(trials=16), whole="all")
    trainer = alone(Task(), 0)
    curriculum.setup(trainer, None, "fit")
    for _ in range(2):
        curriculum.on_train_start(trainer, None)
    (phi,) = rolling.tried
    assert len(phi) == curriculum.tried == 16
    assert ToyTask.phi_sets["all"].contains(phi).all()


def test_doing_nothing_leaves_the_arm_where_it_is():
    environment = Task().environment(2)
    before = environment.reset()["observation"]["joint_position"].clone()
    rollout(environment, NoOp(), FIRST.sample(2, torch.Generator()), seed=0)
    after = environment.physics_state[:, : before.shape[1]].float()
    torch.testing.assert_close(after, before, atol=0.03, rtol=0)
