from itertools import chain

import pytest
import torch
from tensordict import TensorDict

from datamodules import Rollouts


def samples(n):
    return TensorDict({"a": torch.arange(n)}, [n])


def source(passes=3, minibatches=4, seed=0, rank=0):
    rollouts = Rollouts(passes, minibatches)
    rollouts.setup(None, 1, 1, seed=seed, rank=rank, world_size=2)  # type: ignore[arg-type]
    return rollouts


def served(rollouts):
    return [batch["a"].tolist() for batch in rollouts.train_loader()]


def test_every_pass_serves_every_sample_once_in_another_order():
    rollouts = source()
    rollouts.replace(samples(10), iteration=0)
    batches = served(rollouts)
    passes = [list(chain(*batches[i : i + 4])) for i in (0, 4, 8)]
    assert all(sorted(one) == list(range(10)) for one in passes)
    assert passes[0] != passes[1] != passes[2]


def test_the_number_of_minibatches_does_not_depend_on_the_number_of_samples():
    for n in (4, 9, 100, 1001):
        rollouts = source()
        rollouts.replace(samples(n), iteration=0)
        assert len(served(rollouts)) == len(rollouts.train_loader()) == 12


def test_an_iteration_serves_its_own_samples_alone():
    rollouts = source()
    rollouts.replace(samples(8), iteration=0)
    # In the middle of a pass, fewer than before, more again: as if nothing had been there.
    for iteration, count in enumerate((8, 6, 12, 9), start=1):
        next(iter(rollouts.train_loader()))
        rollouts.replace(samples(count) + 100 * iteration, iteration)
        fresh = source()
        fresh.replace(samples(count) + 100 * iteration, iteration)
        assert served(rollouts) == served(fresh)
        assert min(chain(*served(rollouts))) == 100 * iteration


def test_the_order_depends_on_seed_iteration_and_rank_and_on_nothing_else():
    def order(iteration=0, **arguments):
        rollouts = source(**arguments)
        rollouts.replace(samples(50), iteration)
        torch.rand(3)
        return served(rollouts)

    assert order() == order()
    assert order() != order(iteration=1)
    assert order() != order(seed=1)
    assert order() != order(rank=1)


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="passes is 0 and minibatches 4, both must be at least 1"):
        Rollouts(passes=0)
    with pytest.raises(ValueError, match="3 samples for 4 minibatches"):
        source().replace(samples(3), iteration=0)
