"""Lifetimes put together from many: the order of the search, and tokens as if they were lived."""

import itertools

import torch
from tensordict import TensorDict

from lightning_modules.lifetime_batch import before, signals
from lightning_modules.stitching import episodes_of, miss_of, search_order, stitched

DRAWS, COUNT, SHOTS, DECISIONS = 2, 4, 3, 2


def tried(*places):
    """What succeeded: draw, task parameter and shot of each."""
    success = torch.zeros(DRAWS, COUNT, SHOTS, dtype=torch.bool)
    for place in places:
        success[place] = True
    return success


def test_worlds_go_on_as_one_of_them_that_has_missed():
    success = torch.tensor([1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0], dtype=torch.bool)
    # In the second group none has: any will do.
    assert miss_of(success, 4).tolist() == [1] * 4 + [4] * 4 + [11] * 4


def test_what_succeeds_most_comes_first_then_what_succeeds_most_of_the_rest():
    success = tried((1, 0, 2), (1, 1, 2), (0, 1, 0), (0, 2, 0), (0, 3, 1))
    success[1, 2, 2] = True  # three for (1, 2), two for (0, 0), one of them found already
    assert search_order(success).tolist() == [[1, 2], [0, 1], [0, 0]]


def test_the_greedy_order_finds_nearly_as_much_as_the_best():
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        success = torch.rand(3, 12, SHOTS, generator=generator) < 0.25
        candidates = success.permute(0, 2, 1).reshape(-1, 12)
        best = max(
            int(candidates[list(chosen)].any(0).sum())
            for chosen in itertools.combinations(range(len(candidates)), SHOTS)
        )
        order = search_order(success)
        found = int(success[order[:, 0], :, order[:, 1]].any(0).sum())
        assert found >= (1 - 1 / 2.718) * best


def test_what_has_succeeded_is_done_again():
    success = tried((0, 0, 0), (0, 1, 0), (1, 2, 1))
    order = search_order(success)
    assert order[:2].tolist() == [[0, 0], [1, 1]]
    which, won = episodes_of(success, order)
    assert which.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 1], [0, 1, 2]]
    assert won.tolist() == [[True] * 3, [True] * 3, [False, True, True], [False] * 3]


def test_tokens_are_those_of_one_who_lived_these_episodes():
    generator = torch.Generator().manual_seed(0)
    shape = (DRAWS, COUNT, SHOTS, DECISIONS)
    there = torch.ones(shape, dtype=torch.bool)
    there[:, 1, :, 1] = False  # at one task parameter episodes end early
    fields = {
        "seen": torch.randn(*shape, 5, generator=generator),
        "done": torch.randn(*shape, 6, generator=generator),
        "chunk": torch.randn(*shape, 4, 2, generator=generator),
        "there": there,
    }
    success = tried((0, 0, 0), (0, 1, 0), (1, 2, 1))
    made = stitched(TensorDict(fields, batch_size=shape), success)
    for phi, candidates in enumerate(
        [[(0, 0)] * 3, [(0, 0)] * 3, [(0, 0), (1, 1), (1, 1)], [(0, 0), (1, 1), (0, 0)]]
    ):
        won = [phi < 2 or (phi == 2 and shot > 0) for shot in range(SHOTS)]
        last = torch.zeros(6)
        for shot, (draw, tried_at) in enumerate(candidates):
            for i in range(DECISIONS):
                at = (draw, phi, tried_at, i)
                token = shot * DECISIONS + i
                assert made["there"][phi, token] == there[at]
                if not there[at]:
                    continue
                assert torch.equal(made["seen"][phi, token], fields["seen"][at])
                assert torch.equal(made["chunk"][phi, token], fields["chunk"][at])
                told = float(i == 0 and shot > 0 and won[shot - 1])
                expected = torch.cat([last, torch.tensor([told, float(i == 0), i / 10])])
                torch.testing.assert_close(made["rest"][phi, token], expected)
                last = fields["done"][at]


def test_signals_and_what_came_before_leave_out_decisions_that_were_not_made():
    there = torch.tensor([[[True, False], [True, True]]])
    success = torch.tensor([[True, False]])
    told = signals(there, success).view(1, 2, 2, 3)
    assert told[0, 1, 0].tolist() == [1.0, 1.0, 0.0]
    values = torch.tensor([[[1.0], [2.0], [3.0], [4.0]]])
    assert before(values, there.flatten(1))[0, 2].item() == 1.0
