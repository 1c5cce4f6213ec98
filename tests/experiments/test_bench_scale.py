"""What more workers make of an iteration, against sums done by hand."""

import pytest

from experiments.bench_scale import BANDWIDTH, Costs

COSTS = Costs(
    attempts=100,
    arms=10,
    attempt_s=2.0,
    receive_s=0.01,
    attempt_bytes=BANDWIDTH * 1e-3,
    learn_s=5.0,
    learns_from_all=True,
    policy_bytes=BANDWIDTH * 0.1,
)


def test_an_iteration_is_making_sending_and_learning():
    # One worker makes ten groups of ten; 100 ms of bytes and the policy once.
    assert COSTS.iteration_s(1) == pytest.approx(10 * 10 * 2 + 1 + 0.1 + 0.1 + 5)
    # Four take three rounds, and have the policy each.
    assert COSTS.iteration_s(4) == pytest.approx(3 * 10 * 2 + 1 + 0.1 + 0.4 + 5)


def test_more_workers_than_groups_have_nothing_to_do():
    assert COSTS.iteration_s(1000) == COSTS.iteration_s(10)
    assert COSTS.iteration_s(1000, times=10) == pytest.approx(20 + 11 + 10 + 50)


def test_no_number_of_workers_makes_more_than_the_learner_can_take():
    most = COSTS.most()
    assert most == pytest.approx(100 / (1.1 + 5))
    assert COSTS.rate(10**6) < most
    assert COSTS.rate(1) < COSTS.rate(2) < COSTS.rate(10)
