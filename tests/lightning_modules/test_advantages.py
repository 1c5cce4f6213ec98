import pytest
import torch

from lightning_modules.advantages import (
    advantages_and_returns,
    explained_variance,
    returns_to_go,
)

GAMMA, LAMBDA = 0.9, 0.8
# Three episodes of 3, 1 and 2 decisions, in the order in which a batch of arms makes them.
EPISODE = torch.tensor([0, 1, 2, 0, 2, 0])
INDEX = torch.tensor([0, 0, 0, 1, 1, 2])
VALUE = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
SUCCESS = torch.tensor([True, False, False])


def by_hand(episode):
    """GAE of one episode, by its definition: sum over l of (gamma lambda)^l delta."""
    values = VALUE[episode == EPISODE].tolist()
    after = [*values[1:], 0.0]
    rewards = [0.0] * (len(values) - 1) + [float(SUCCESS[episode])]
    delta = [r + GAMMA * n - v for r, n, v in zip(rewards, after, values, strict=True)]
    return [
        sum((GAMMA * LAMBDA) ** (i - start) * delta[i] for i in range(start, len(delta)))
        for start in range(len(delta))
    ]


def test_advantages_follow_their_definition_episode_by_episode():
    advantage, target = advantages_and_returns(EPISODE, INDEX, VALUE, SUCCESS, GAMMA, LAMBDA)
    for episode in range(3):
        mine = advantage[episode == EPISODE].tolist()
        assert mine == pytest.approx(by_hand(episode), abs=1e-6)
    torch.testing.assert_close(target, advantage + VALUE)


def test_nothing_is_expected_after_a_success_or_a_time_limit():
    one = torch.tensor([0])
    for won, expected in ((True, 1 - 0.5), (False, -0.5)):
        advantage, _ = advantages_and_returns(
            one, one, torch.tensor([0.5]), torch.tensor([won]), GAMMA, LAMBDA
        )
        assert float(advantage) == pytest.approx(expected)


def test_returns_are_discounted_from_the_success():
    returns = returns_to_go(EPISODE, INDEX, SUCCESS, GAMMA)
    assert returns.tolist() == pytest.approx([0.81, 0, 0, 0.9, 0, 1.0])


def test_explained_variance_is_the_share_foreseen():
    returns = torch.tensor([0.0, 1.0, 0.0, 1.0])
    assert explained_variance(returns, returns) == 1
    assert explained_variance(torch.full((4,), 0.7), returns) == pytest.approx(0, abs=1e-6)
    assert explained_variance(1 - returns, returns) == pytest.approx(-3)
    assert explained_variance(torch.randn(4), torch.zeros(4)) == 0
