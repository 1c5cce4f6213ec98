"""Windows are the right rows, in an order that can be found again."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.pass_loader import PassLoader
from datamodules.windows import WindowSampler, WindowStorage

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=6)
HORIZON = st.integers(1, 6)


def rows_by_hand(lengths, to, tp):
    """The definition, a loop over episodes and steps."""
    rows, start = [], 0
    for length in lengths:
        for t in range(length):
            past = [start + max(0, t + i) for i in range(1 - to, 1)]
            future = [start + min(length - 1, t + i) for i in range(tp)]
            rows.append(past + future)
        start += length
    return torch.tensor(rows)


def make_loader(make_episode, lengths, batch_size, steps_per_epoch, **order):
    episodes = [make_episode(length, seed) for seed, length in enumerate(lengths)]
    fields = ("object_position", "joint_position")
    storage = WindowStorage(episodes, fields, observation_horizon=2)
    sampler = WindowSampler(lengths, 2, 3, **{"seed": 0, **order})
    return PassLoader(storage, sampler, batch_size, steps_per_epoch)


def starts(batch):
    """Which window each of a batch is: the time of its first action."""
    return [round(x, 3) for x in batch["action"][:, 0, 0].tolist()]


@given(LENGTHS, HORIZON, HORIZON)
@settings(max_examples=60, deadline=None)
def test_rows_are_those_of_the_definition(lengths, to, tp):
    sampler = WindowSampler(lengths, to, tp, seed=0)
    steps = torch.arange(sum(lengths))
    assert torch.equal(sampler.rows(steps), rows_by_hand(lengths, to, tp))


@given(LENGTHS, HORIZON, HORIZON)
@settings(max_examples=60, deadline=None)
def test_no_window_crosses_episodes(lengths, to, tp):
    sampler = WindowSampler(lengths, to, tp, seed=0)
    episode = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    rows = episode[sampler.rows(torch.arange(sum(lengths)))]
    assert torch.equal(rows, episode[:, None].expand_as(rows))


@given(LENGTHS.filter(lambda n: sum(n) >= 3), st.integers(1, 3), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_ranks_are_disjoint_and_together_cover_a_pass(lengths, world_size, number):
    samplers = [
        WindowSampler(lengths, 1, 1, seed=3, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    seen = []
    for sampler in samplers:
        sampler.seek(number * sampler.per_pass)
        seen += sampler.sample(None, sampler.per_pass)[0][:, 0].tolist()
    assert len(set(seen)) == len(seen) == sum(lengths) // world_size * world_size


def test_the_order_is_a_function_of_the_seed_and_the_pass():
    def order(seed, number):
        sampler = WindowSampler([50], 1, 1, seed=seed)
        sampler.seek(number * 50)
        return sampler.sample(None, 50)[0][:, 0].tolist()

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, n)) for seed in (1, 2) for n in (0, 1, 2)}) == 6


def test_a_batch_may_be_larger_than_a_pass():
    sampler = WindowSampler([3, 2], 1, 1, seed=0)
    rows = sampler.sample(None, 12)[0][:, 0]
    assert len(rows) == 12
    assert torch.bincount(rows[:10]).tolist() == [2] * 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([], 1, 1), "at least 1 step"),
        (([3, 0], 1, 1), "at least 1 step"),
        (([3], 0, 1), "observation 0, prediction 1"),
        (([3], 1, 0), "observation 1, prediction 0"),
    ],
)
def test_empty_episodes_and_horizons_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        WindowSampler(*arguments, seed=0)


def test_more_ranks_than_windows_are_refused():
    with pytest.raises(ValueError, match="2 items cannot be shared among 3 ranks"):
        WindowSampler([2], 1, 1, seed=0, rank=0, world_size=3)
    with pytest.raises(ValueError, match="rank 3 is not one of 3 ranks"):
        WindowSampler([9], 1, 1, seed=0, rank=3, world_size=3)


def test_a_batch_holds_the_windows_of_its_episodes(make_episode):
    loader = make_loader(make_episode, [5, 4, 7], 16, None, shuffle=False)
    (batch,) = loader
    assert batch.batch_size == (16,)
    assert batch["action"].shape == (16, 3, 2)
    assert set(batch["observation"].keys()) == {"object_position", "joint_position"}
    t = 5 + 3  # the last step of the second episode, numbered 1
    episode = make_episode(4, 1)
    torch.testing.assert_close(batch["action"][t], episode["action"][[3, 3, 3]])
    for field in ("object_position", "joint_position"):
        torch.testing.assert_close(
            batch["observation", field][t], episode["observation", field][[2, 3]]
        )


def test_every_training_batch_has_the_same_size_and_epochs_go_on_through_the_data(make_episode):
    lengths = [5, 4, 7]
    loader = make_loader(make_episode, lengths, batch_size=6, steps_per_epoch=4)
    seen = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        batches = list(loader)
        assert [len(batch) for batch in batches] == [6] * 4
        seen += [start for batch in batches for start in starts(batch)]
    assert len(loader) == 4
    for number in range(3):  # 48 windows are three passes of 16
        assert len(set(seen[16 * number : 16 * (number + 1)])) == 16


def test_validation_shows_each_window_once_in_every_epoch(make_episode):
    loader = make_loader(make_episode, [5, 4, 7], 6, None, shuffle=False)
    assert len(loader) == 3
    for epoch in range(2):
        loader.set_epoch(epoch)
        seen = [start for batch in loader for start in starts(batch)]
        assert seen == sorted(seen)
        assert len(set(seen)) == len(seen) == 16


def test_an_epoch_that_was_left_early_starts_anew(make_episode):
    loader = make_loader(make_episode, [9, 9], batch_size=4, steps_per_epoch=5)
    first = starts(next(iter(loader)))
    assert starts(next(iter(loader))) == first


def test_a_loader_goes_on_from_a_saved_place(make_episode):
    def loader():
        return make_loader(make_episode, [9, 9], batch_size=4, steps_per_epoch=5)

    one, other = loader(), loader()
    one.set_epoch(3)
    batches = iter(one)
    for _ in range(2):
        next(batches)
    state = one.state_dict()
    rest = [starts(batch) for batch in batches]
    other.load_state_dict(state)
    resumed = iter(other)
    other.set_epoch(3)  # Lightning tells the epoch again
    assert [starts(batch) for batch in resumed] == rest
    assert len(rest) == 3


def test_sizes_below_one_are_refused(make_episode):
    with pytest.raises(ValueError, match="batch_size is 0"):
        make_loader(make_episode, [9], batch_size=0, steps_per_epoch=1)
    with pytest.raises(ValueError, match="steps_per_epoch 0"):
        make_loader(make_episode, [9], batch_size=1, steps_per_epoch=0)
