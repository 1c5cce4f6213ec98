"""Level after level: which named set is aimed at, and what happens where one can't be reached."""

import pytest
import torch

from callbacks.curriculum import BoundaryExpansion, InOrder
from robot.phi import Dimension, PhiSet, PhiSpace

SPACE = PhiSpace((Dimension("x", 0.0, 1.0), Dimension("y", 0.0, 1.0)))
FIRST = PhiSet("first", (SPACE.box(x=(0.4, 0.6), y=(0.5, 0.5)),))
ALL_X = PhiSet("all x", (SPACE.box(y=(0.5, 0.5)),))
WHOLE = PhiSet("whole", (SPACE.box(),))


def begun(patience=20):
    strategy = InOrder(BoundaryExpansion(attempts=4), patience)
    strategy.between = [ALL_X]
    strategy.start(SPACE, FIRST, WHOLE)
    return strategy


def go_on(strategy, iterations, succeeds):
    generator = torch.Generator().manual_seed(0)
    for _ in range(iterations):
        phi = strategy.sample(64, generator)
        strategy.observe(phi, succeeds(phi)[:, None])
        for proposal in strategy.proposals():
            strategy.accept(proposal)


def everywhere(phi):
    return torch.ones(len(phi), dtype=torch.bool)


def low_x(phi):
    return phi[:, 0] < 0.7


def test_the_second_axis_stays_as_it_is_until_the_first_is_whole():
    strategy = begun()
    for _ in range(40):
        go_on(strategy, 1, everywhere)
        x, y = strategy.level.boxes[0].bounds().T
        if x.tolist() != [0, 1]:
            assert strategy.aim is ALL_X
            assert y.tolist() == [0.5, 0.5]
    assert strategy.level.boxes[0] == WHOLE.boxes[0]
    assert strategy.progress == 1


def test_an_axis_that_can_not_grow_holds_the_next_up_for_its_patience_alone():
    strategy = begun(patience=10)
    go_on(strategy, 60, low_x)
    x, y = strategy.level.boxes[0].bounds().T
    assert strategy.aim is WHOLE
    assert x[0] == 0
    assert 0.6 <= x[1] < 0.9  # as far as it comes, with the step that was granted
    assert y.tolist() == [0, 1]


def test_progress_counts_the_named_sets_and_never_falls():
    strategy, seen = begun(), [0.0]
    for _ in range(40):
        go_on(strategy, 1, everywhere)
        seen.append(strategy.progress)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_one_that_is_loaded_goes_on_where_it_was():
    strategy, other = begun(), begun()
    go_on(strategy, 12, everywhere)
    other.load_state_dict(strategy.state_dict())
    assert other.level == strategy.level
    assert other.aim is strategy.aim
    assert torch.equal(
        other.sample(32, torch.Generator().manual_seed(1)),
        strategy.sample(32, torch.Generator().manual_seed(1)),
    )


def test_a_patience_of_nothing_is_refused():
    with pytest.raises(ValueError, match="patience is 0, it must be at least 1"):
        InOrder(patience=0)
