"""Chunks computed beside the arm: aligned with what was done meanwhile, and without jumps."""

import threading

import pytest
import torch
from tensordict import TensorDict

from datamodules import PickBanana, Rollouts
from lightning_modules.policy import load_policy
from robot.chunk_executor import AskingAhead, Waiting
from robot.rollout import rollout

PREDICTED, EXECUTED = 12, 8
SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


class Plan:
    """Plans what a function of the time says, and when it is let."""

    observation_horizon, action_horizon = 1, EXECUTED

    def __init__(self, wanted):
        self.wanted = wanted
        self.may = threading.Event()
        self.may.set()
        self.asked = 0

    def plan(self, observations, generator=None):
        self.may.wait()
        self.asked += 1
        time = observations["time"][:, -1:]  # [n, 1, 1]
        return self.wanted(time + torch.arange(PREDICTED)[:, None], self.asked)

    def __call__(self, observations, generator=None):
        return self.plan(observations, generator)[:, :EXECUTED]


def run(executor, steps, on_step=lambda step: None, rows=None):
    """What is executed, ``[B, steps]``."""
    rows = torch.ones(2, dtype=torch.bool) if rows is None else rows
    done = []

    def look():
        time = torch.full((int(rows.sum()), 1, 1), float(len(done)))
        return TensorDict({"time": time}, batch_size=[len(time), 1]), rows

    while len(done) < steps:
        chunk = executor.next(look)
        for left, action in zip(range(chunk.shape[1], 0, -1), chunk.unbind(1), strict=True):
            executor.before_step(left, look)
            done.append(action[:, 0])
            on_step(len(done))
    executor.close()
    return torch.stack(done[:steps], dim=1)


def the_time(time, asked):
    return time


@pytest.mark.parametrize("lead", range(1, EXECUTED + 1))
def test_what_was_asked_ahead_continues_where_the_arm_is(lead):
    policy = Plan(the_time)
    done = run(AskingAhead(policy, torch.Generator(), lead, waits=True), 50)
    torch.testing.assert_close(done, torch.arange(50.0).expand(2, -1))
    waiting = run(Waiting(Plan(the_time), torch.Generator()), 50)
    torch.testing.assert_close(done, waiting)


def test_a_chunk_that_is_late_is_bridged_by_the_last_one():
    policy = Plan(the_time)
    bridged = []

    def on_step(step):
        # Beyond the first chunk's 8 actions there are 4 that were planned.
        if step == 1:
            policy.may.clear()
        if step == EXECUTED + 3:
            bridged.append(policy.asked)
            policy.may.set()

    done = run(AskingAhead(policy, torch.Generator(), 2, waits=False), 40, on_step)
    assert bridged == [1]  # 11 steps were made with one chunk
    torch.testing.assert_close(done, torch.arange(40.0).expand(2, -1))


def test_a_chunk_that_wants_something_else_fades_in():
    def changes_its_mind(time, asked):
        return torch.full_like(time, float(asked % 2))

    cut = run(Waiting(Plan(changes_its_mind), torch.Generator()), 60).diff().abs().max()
    executor = AskingAhead(Plan(changes_its_mind), torch.Generator(), 2, waits=True)
    faded = run(executor, 60).diff().abs().max()
    assert cut == 1.0
    assert faded <= 0.5


def test_arms_that_rest_are_not_planned_for():
    rows = torch.tensor([True, False])
    done = run(AskingAhead(Plan(the_time), torch.Generator(), 3, waits=True), 20, rows=rows)
    torch.testing.assert_close(done[0], torch.arange(20.0))
    assert done[1].eq(0).all()


@pytest.mark.parametrize("lead", [-1, EXECUTED + 1])
def test_no_other_lead_than_a_chunk_has(lead):
    with pytest.raises(ValueError, match=f"lead is {lead}, it is of the 8 actions of a chunk"):
        AskingAhead(Plan(the_time), torch.Generator(), lead, waits=True)


def test_a_policy_that_tells_no_whole_chunk_cannot_be_asked_ahead():
    class Reacts:
        observation_horizon, action_horizon = 1, 1

        def __call__(self, observations, generator=None):
            return torch.zeros(1, 1, 1)

    with pytest.raises(ValueError, match="Reacts does not tell its whole chunk"):
        AskingAhead(Reacts(), torch.Generator(), 1, waits=True)


def test_a_policy_that_is_asked_ahead_succeeds_as_one_that_is_waited_for():
    task = PickBanana("point", {"rollouts": Rollouts()})
    env = task.environment(32)
    phi = task.phi_set.sample(32, torch.Generator().manual_seed(3))
    for lead in (0, 2, 4):
        episodes = rollout(env, load_policy(SKILL), phi, seed=5, lead=lead)
        assert float(episodes["success"].float().mean()) >= 0.9, lead
    env.close()
