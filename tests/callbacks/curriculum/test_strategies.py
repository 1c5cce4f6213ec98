"""What every strategy must do, and what makes each of them what it is."""

import pytest
import torch

from callbacks.curriculum import (
    BoundaryExpansion,
    InOrder,
    Learnability,
    LevelReplay,
    NoOpFilter,
    Timetable,
)
from callbacks.curriculum.success_map import SuccessMap
from robot.phi import Dimension, PhiSet, PhiSpace

SPACE = PhiSpace((Dimension("x", 0.0, 1.0), Dimension("y", 0.0, 1.0)))
FIRST = PhiSet("first", (SPACE.box(x=(0.4, 0.6), y=(0.4, 0.6)),))
WHOLE = PhiSet("whole", (SPACE.box(),))
MAKERS = [
    BoundaryExpansion,
    InOrder,
    InOrder,
    Learnability,
    LevelReplay,
    NoOpFilter,
    lambda: Timetable(5),
    lambda: Timetable(0),
]


def started(strategy):
    strategy.start(SPACE, FIRST, WHOLE)
    return strategy


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def left_half(phi):
    return phi[:, 0] < 0.5


def go_on(strategy, iterations, succeeds=left_half, n=256, first=0):
    for i in range(first, first + iterations):
        phi = strategy.sample(n, seeded(i))
        strategy.observe(phi, succeeds(phi)[:, None])
        for proposal in strategy.proposals():
            strategy.accept(proposal)
    return strategy.sample(n, seeded(999))


EXTREMES = [
    lambda: BoundaryExpansion(boundary=1e-3, rehearsal=0.0),
    lambda: BoundaryExpansion(boundary=1.0, rehearsal=0.0),
    lambda: Learnability(share=1.0),
    lambda: Learnability(share=1e-3),
    lambda: LevelReplay(replay=1.0),
    lambda: LevelReplay(replay=0.0),
]


@pytest.mark.parametrize("make", [*MAKERS, *EXTREMES])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_a_share_may_come_to_no_attempt_at_all(make, n):
    strategy = started(make())
    for i in range(3):
        phi = strategy.sample(n, seeded(i))
        assert phi.shape == (n, 2)
        strategy.observe(phi, left_half(phi)[:, None])


@pytest.mark.parametrize("make", MAKERS)
def test_as_many_as_asked_for_and_all_within_the_whole_set(make):
    strategy = started(make())
    for i in range(4):
        phi = strategy.sample(100, seeded(i))
        assert phi.shape == (100, 2)
        assert WHOLE.contains(phi).all()
        strategy.observe(phi, left_half(phi)[:, None])


@pytest.mark.parametrize("make", MAKERS)
def test_a_restored_strategy_draws_what_the_saved_one_draws(make):
    one, other = started(make()), started(make())
    go_on(one, 3)
    other.load_state_dict(one.state_dict())
    for i in (3, 4):
        drawn = go_on(one, 1, first=i)
        assert torch.equal(go_on(other, 1, first=i), drawn)
    assert other.progress == one.progress


def test_the_success_map_finds_the_edge_and_knows_nothing_far_away():
    successes = SuccessMap(SPACE, bandwidth=0.05, memory=4000)
    phi = 0.8 * torch.rand(4000, 2, generator=seeded(0))
    successes.add(phi, left_half(phi))
    p, attempts = successes(torch.tensor([[0.2, 0.4], [0.7, 0.4], [0.5, 0.4], [1.0, 1.0]]))
    assert p.tolist() == pytest.approx([1.0, 0.0, 0.5, 0.5], abs=0.1)
    assert attempts[0] > 50
    assert attempts[3] < 2


def test_the_success_map_forgets_the_oldest():
    successes = SuccessMap(SPACE, bandwidth=0.1, memory=50)
    here = torch.full((50, 2), 0.5)
    successes.add(here, torch.zeros(50, dtype=torch.bool))
    successes.add(here, torch.ones(50, dtype=torch.bool))
    assert float(successes(here[:1])[0]) > 0.98


@pytest.mark.parametrize("strategy", [Learnability(share=0.5), LevelReplay(capacity=128)])
def test_attempts_gather_where_success_is_uncertain(strategy):
    phi = go_on(started(strategy), 8)
    near_the_edge = ((phi[:, 0] - 0.5).abs() < 0.1).float().mean()
    assert near_the_edge > 0.4  # 0.2 by chance


def test_the_filter_leaves_out_what_is_solved_hopeless_or_solved_by_doing_nothing():
    strategy = started(NoOpFilter(trials=1000, candidates=16, bandwidth=0.04))
    phi = WHOLE.sample(strategy.no_op_trials, seeded(50))
    strategy.observe_no_op(phi, phi[:, 1] < 0.3)
    assert strategy.no_op_trials == 0
    x = torch.linspace(0, 1, 400).repeat(10)
    drawn = torch.stack([x, torch.rand(4000, generator=seeded(51))], dim=1)
    # In x: hopeless below 1/3, half solved in the middle, solved above 2/3.
    luck = torch.rand(4000, generator=seeded(52))
    strategy.observe(drawn, ((x > 2 / 3) | ((x > 1 / 3) & (luck < 0.5)))[:, None])
    chosen = strategy.sample(200, seeded(53))
    assert ((chosen[:, 0] > 0.27) & (chosen[:, 0] < 0.73)).all()
    assert (chosen[:, 1] > 0.2).float().mean() > 0.9
    assert strategy.progress == pytest.approx(1 / 2, abs=0.1)


def test_replay_goes_back_to_what_it_tried():
    strategy = started(LevelReplay(replay=0.5, capacity=64))
    go_on(strategy, 4, n=64)
    kept = strategy.state_dict()["kept"]
    assert len(kept) == 64
    phi = strategy.sample(64, seeded(5))
    again = (phi[:, None] == kept[None]).all(-1).any(-1)
    assert again.sum() == 32


def test_replay_agrees_on_all_ranks_whoever_replayed_what():
    ranks = [started(LevelReplay(replay=0.5, capacity=32)) for _ in range(2)]
    for i in range(4):
        shares = [rank.sample(16, seeded(10 * i + r)) for r, rank in enumerate(ranks)]
        phi = torch.cat(shares)
        for rank in ranks:
            rank.observe(phi, left_half(phi)[:, None])
    one, other = (rank.state_dict() for rank in ranks)
    assert torch.equal(one["kept"], other["kept"])
    assert torch.equal(one["last_tried"], other["last_tried"])
    assert len(one["last_tried"].unique()) > 1


def test_a_timetable_widens_whatever_happens():
    strategy = started(Timetable(4))
    widths = []
    for _ in range(6):
        (box,) = strategy.level.boxes
        widths.append(round(box.high[0] - box.low[0], 6))
        strategy.observe(torch.zeros(1, 2), torch.zeros(1, 1, dtype=torch.bool))
    assert widths == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert started(Timetable(0)).level.boxes == WHOLE.boxes


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Timetable(-1), "iterations is -1"),
        (lambda: Learnability(share=0), "share is 0"),
        (lambda: Learnability(candidates=1), "candidates 1, at least 2"),
        (lambda: NoOpFilter(margin=0.95), "margin is 0.95 and solved 0.9"),
        (lambda: NoOpFilter(trials=0), "trials 0, both"),
        (lambda: LevelReplay(temperature=0), "temperature 0, above 0"),
        (lambda: LevelReplay(replay=2), r"replay is 2, it must be in \[0, 1\]"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
