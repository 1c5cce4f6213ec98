import pytest
import torch

from lightning_modules.learning_rate import warmup_cosine


def rates(warmup_steps, total_steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = warmup_cosine(optimizer, warmup_steps, total_steps)
    for _ in range(int(total_steps)):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


def test_the_rate_rises_linearly_then_falls_to_almost_nothing():
    seen = torch.tensor(list(rates(4, 40)))
    torch.testing.assert_close(seen[:5], torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0]))
    assert (seen[4:].diff() < 0).all()
    assert 0 < seen[-1] < 0.01


def test_an_endless_training_is_refused():
    with pytest.raises(ValueError, match="set trainer max_steps or max_epochs"):
        list(rates(4, float("inf")))
