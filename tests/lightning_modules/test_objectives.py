import pytest

from lightning_modules.objectives import PPO, Reinforce, RewardWeighted


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
