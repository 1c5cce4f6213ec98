import math

import pytest
import torch

from lightning_modules.objectives import (
    PPO,
    FilteredCloning,
    Reinforce,
    RewardWeighted,
)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PPO(gamma=5.0), r"gamma is 5.0, it must be in \[0, 1\]"),
        (lambda: PPO(gae_lambda=-1.0), r"gae_lambda is -1.0, it must be in \[0, 1\]"),
        (lambda: Reinforce(gamma=2.0), r"gamma is 2.0, it must be in \[0, 1\]"),
        (lambda: PPO(clip_first=0.0), "clip_first is 0.0 and clip 0.01"),
        (lambda: PPO(clip_first=0.1), "clip_first is 0.1 and clip 0.01"),
        (lambda: PPO(denoising_discount=0.0), "denoising_discount is 0.0"),
        (lambda: RewardWeighted(beta=0.0), "beta is 0.0, it must be above 0"),
    ],
)
def test_objectives_that_make_no_sense_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


RETURNS = torch.tensor([0.0, 0.5, 1.0])


def test_advantages_of_ppo_do_not_depend_on_their_scale_or_mean():
    advantage = torch.tensor([0.1, -0.4, 0.9, 0.0])
    weight = PPO().weigh(advantage, RETURNS)
    assert weight.mean().item() == pytest.approx(0, abs=1e-6)
    assert weight.std().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(PPO().weigh(10 * advantage + 3, RETURNS), weight)


def test_a_success_counts_the_more_the_nearer_it_is_and_a_failure_a_little():
    weight = RewardWeighted(beta=0.5).weigh(torch.zeros(3), RETURNS)
    expected = [math.exp(-2), math.exp(-1), 1.0]
    assert weight.tolist() == pytest.approx(expected)
    assert FilteredCloning().weigh(torch.zeros(3), RETURNS).tolist() == [0, 1, 1]
    assert Reinforce().weigh(torch.zeros(3), RETURNS).tolist() == RETURNS.tolist()
