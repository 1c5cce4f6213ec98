import pytest
import torch

from callbacks.curriculum import BoundaryExpansion
from callbacks.curriculum.boundary import HIGH, LOW
from robot.phi import Dimension, PhiSet, PhiSpace

SPACE = PhiSpace((Dimension("x", 0.0, 1.0), Dimension("y", -2.0, 2.0)))
FIRST = PhiSet("first", (SPACE.box(x=(0.4, 0.5), y=(0.0, 0.0)),))
WHOLE = PhiSet("whole", (SPACE.box(),))


def started(**arguments):
    strategy = BoundaryExpansion(**{"step": 0.25, "attempts": 8, **arguments})
    strategy.start(SPACE, FIRST, WHOLE)
    return strategy


def attempts(strategy, succeeds, n=400, seed=0):
    phi = strategy.sample(n, torch.Generator().manual_seed(seed))
    strategy.observe(phi, succeeds(phi)[:, None])
    return phi


def all_succeed(phi):
    return torch.ones(len(phi), dtype=torch.bool)


def all_fail(phi):
    return torch.zeros(len(phi), dtype=torch.bool)


def on_a_bound(strategy, phi):
    box = strategy.level.boxes[0]
    low, high = torch.tensor(box.low), torch.tensor(box.high)
    return (torch.isclose(phi, low) | torch.isclose(phi, high)).any(-1)


def test_part_of_the_attempts_sit_on_the_bounds_and_all_are_inside():
    strategy = started(boundary=0.25)
    strategy.level = WHOLE  # a box with room inside
    phi = attempts(strategy, all_fail)
    assert strategy.level.contains(phi).all()
    assert on_a_bound(strategy, phi).float().mean() == pytest.approx(0.25, abs=0.01)


def test_the_first_set_is_rehearsed_however_large_the_level():
    strategy = started(rehearsal=0.1)
    strategy.level = WHOLE
    assert FIRST.contains(attempts(strategy, all_succeed)).sum() == 40
    strategy = started(rehearsal=0.0)
    strategy.level = WHOLE
    assert FIRST.contains(attempts(strategy, all_succeed)).sum() == 0


def test_success_everywhere_reaches_the_whole_set_and_every_level_contains_the_one_before():
    strategy = started()
    for seed in range(4):
        attempts(strategy, all_succeed, seed=seed)
        for proposal in strategy.proposals():
            before = strategy.level
            strategy.accept(proposal)
            assert strategy.level.contains_set(before)
    assert strategy.progress == 1
    assert strategy.level.boxes == WHOLE.boxes
    attempts(strategy, all_succeed)
    assert list(strategy.proposals()) == []


def test_only_the_bound_that_is_mastered_moves():
    strategy = started()
    attempts(strategy, lambda phi: phi[:, 0] >= 0.499)
    (proposal,) = strategy.proposals()
    (ring,) = proposal.ring.boxes
    assert ring.low == pytest.approx((0.5, 0.0))
    assert ring.high == pytest.approx((0.625, 0.0))
    strategy.accept(proposal)
    assert strategy.level.boxes[0].high == pytest.approx((0.625, 0.0))
    assert strategy.level.boxes[0].low == pytest.approx((0.4, 0.0))


def test_a_bound_moves_back_where_attempts_fail_but_never_inside_the_first_set():
    strategy = started()
    attempts(strategy, all_succeed)
    for proposal in strategy.proposals():
        strategy.accept(proposal)
    wide = strategy.level
    for seed in range(6):
        attempts(strategy, all_fail, seed=seed)
        assert strategy.level.contains_set(FIRST)
    assert not strategy.level.contains_set(wide)
    assert strategy.progress == 0
    assert list(strategy.proposals()) == []


def test_neither_good_nor_bad_leaves_the_level_as_it_is():
    strategy = started()
    attempts(strategy, lambda phi: torch.arange(len(phi)) % 5 < 2)  # 0.4
    assert list(strategy.proposals()) == []
    assert strategy.level.contains_set(FIRST)
    assert FIRST.contains_set(strategy.level)


def test_a_refused_step_is_halved_twice_and_then_given_up():
    strategy = started()
    attempts(strategy, all_succeed)
    proposal = next(strategy.proposals())
    steps = []
    while proposal is not None:
        steps.append(proposal.step)
        proposal = strategy.refuse(proposal)
    assert steps == [0.25, 0.125, 0.0625]
    assert strategy.progress == 0


def test_steps_double_where_a_ring_is_mastered_already_and_start_anew_where_one_is_refused():
    strategy = started(step=0.125, leap=0.6)

    def move(expected_return):
        """Moves the same bound; by how much."""
        attempts(strategy, lambda phi: phi[:, 0] >= strategy.level.boxes[0].high[0] - 1e-6)
        (proposal,) = strategy.proposals()
        if expected_return is None:
            while proposal is not None:
                proposal = strategy.refuse(proposal)
            return 0.0
        strategy.accept(proposal, expected_return)
        return proposal.step

    assert [move(x) for x in (0.7, 0.7, 0.3)] == [0.125, 0.25, 0.5]
    assert strategy.level.boxes[0].high[0] == pytest.approx(0.5 + 0.875 * 0.5)
    assert move(None) == 0.0
    assert strategy.state_dict()["steps"].unique().tolist() == [0.125]


def test_a_restored_strategy_goes_on_as_the_one_that_was_saved():
    one, other = started(), started()
    attempts(one, all_succeed)
    one.accept(next(one.proposals()))
    attempts(one, lambda phi: torch.arange(len(phi)) % 2 == 0, n=20)
    other.load_state_dict(one.state_dict())
    assert other.level.boxes == one.level.boxes
    for seed in range(3):
        first, second = (attempts(s, all_succeed, seed=seed) for s in (one, other))
        assert torch.equal(first, second)
    assert list(other.proposals()) == list(one.proposals())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"step": 0.0}, r"step is 0.0 and boundary 0.5, both must be in \(0, 1\]"),
        ({"widen": 0.1}, "shrink is 0.2 and widen 0.1"),
        ({"attempts": 0}, "attempts is 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        started(**arguments)


def test_ten_steps_of_a_tenth_are_all_of_the_way():
    strategy = started(step=0.1, leap=1.0)
    for seed in range(10):
        attempts(strategy, all_succeed, seed=seed)
        for proposal in strategy.proposals():
            strategy.accept(proposal)
    assert strategy.progress == 1
    assert list(strategy.proposals()) == []


OBJECTS = PhiSpace((Dimension("x", 0.0, 1.0), Dimension("object", 0.0, 5.0, discrete=True)))


def of_objects(low, high):
    return PhiSet("some", (OBJECTS.box(x=(0.0, 1.0), object=(low, high)),))


def let_all_succeed(strategy, seed=0):
    phi = strategy.sample(400, torch.Generator().manual_seed(seed))
    strategy.observe(phi, torch.ones(len(phi), 1, dtype=torch.bool))
    return phi


def test_a_discrete_parameter_widens_by_whole_values_and_its_ring_is_the_new_one():
    strategy = BoundaryExpansion(attempts=20)
    strategy.start(OBJECTS, of_objects(2.0, 3.0), of_objects(0.0, 5.0))
    seen = []
    for _ in range(4):
        phi = let_all_succeed(strategy)
        assert strategy.level.contains(phi).all()
        assert (phi[:, 1] < strategy.level.boxes[0].high[1]).all()  # the next value is another
        for proposal in strategy.proposals():
            assert proposal.dimension == 1  # the other has nowhere to go
            (ring,) = proposal.ring.boxes
            seen.append((ring.low[1], ring.high[1]))
            strategy.accept(proposal, expected_return=0.3)
    assert sorted(seen) == [(0.0, 1.0), (1.0, 2.0), (3.0, 4.0), (4.0, 5.0)]
    assert strategy.progress == 1.0  # of the bounds that have a way
    strategy.observe(phi, torch.zeros(len(phi), 1, dtype=torch.bool))
    assert strategy.level.boxes[0].low[0] == 0.0  # and a bound without one does not move back


def test_the_outermost_values_are_tried_and_judged():
    strategy = BoundaryExpansion(attempts=20, boundary=1.0, rehearsal=0.0)
    strategy.start(OBJECTS, of_objects(1.0, 4.0), of_objects(0.0, 5.0))
    phi = strategy.sample(600, torch.Generator().manual_seed(0))
    strategy.observe(phi, phi[:, 1:2] >= 3)  # the highest value alone is mastered
    sides = [(p.side, p.dimension) for p in strategy.proposals()]
    assert (HIGH, 1) in sides
    assert (LOW, 1) not in sides


def test_one_value_that_is_refused_is_not_tried_in_parts():
    strategy = BoundaryExpansion(attempts=20, step=1.0)
    strategy.start(OBJECTS, of_objects(2.0, 3.0), of_objects(0.0, 5.0))
    let_all_succeed(strategy)
    widths = []
    proposal = next(p for p in strategy.proposals() if (p.side, p.dimension) == (HIGH, 1))
    while proposal is not None:
        (ring,) = proposal.ring.boxes
        widths.append(ring.high[1] - ring.low[1])
        proposal = strategy.refuse(proposal)
    assert widths == [2.0, 1.0]


def test_sets_that_end_within_a_value_are_refused():
    with pytest.raises(ValueError, match="'some' ends within a value of a discrete"):
        BoundaryExpansion().start(OBJECTS, of_objects(2.0, 2.5), of_objects(0.0, 5.0))
    with pytest.raises(ValueError, match=r"is discrete: its bounds 0\.5 and 2\.0 must be whole"):
        Dimension("object", 0.5, 2.0, discrete=True)
