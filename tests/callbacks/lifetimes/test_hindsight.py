"""Lifetimes put together from attempts that were made for none of them."""

import pytest
import torch

from callbacks.lifetimes import Explorer, Hindsight
from callbacks.lifetimes.hindsight import first_by
from callbacks.lifetimes.probe import LEAK, leak, leaks
from datamodules import HiddenReach, Rollouts
from datamodules.hidden_reach import NEAR
from experiments.reaching_skill import train
from lightning_modules.skill import EpsilonRandom, Rung, Temperature

WORST, BETTER, GOOD = (Rung(Temperature(), value) for value in (3.0, 2.0, 1.0))


@pytest.fixture(scope="module")
def skill(tmp_path_factory):
    return train(0, 300, tmp_path_factory.mktemp("skill")).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def task():
    return HiddenReach("wide", {"rollouts": Rollouts()})


def put_together(task, skill, n=200, seed=0, **arguments):
    phi = task.phi_set.sample(n, torch.Generator().manual_seed(seed))
    made = Hindsight(**arguments).lifetimes(task, skill, task.environment(n), phi, seed)
    return made, where_to(task, made)


def where_to(task, made):
    """Where each attempt stopped, from where the target is seen: ``[N, H, 2]``, about."""
    return made["action"][:, :, -1] - task.seen(made["phi"])[:, None]


@pytest.mark.parametrize("placed", [True, False])
def test_misses_do_not_repeat_and_a_hit_does(task, skill, placed):
    made, ended = put_together(task, skill, ladder=(WORST, BETTER), attempts=12, placed=placed)
    success = made["success"]
    found = success.long().cumsum(1) > 0
    before, after = success & False, success & False
    before[:, 0], before[:, 1:], after[:, 1:] = True, ~found[:, :-1], found[:, :-1]
    # Not always: a hit may have been at the edge of what is near enough.
    assert float(success[after].float().mean()) > 0.85
    distances = torch.cdist(ended, ended)
    misses = before & ~success
    pairs = (misses[:, :, None] & misses[:, None]).triu(1)
    repeated = float((distances[pairs] < NEAR / 2).float().mean())
    chance = float((distances[:, 0] < NEAR / 2)[pairs[:, 0]].float().mean())
    assert repeated <= chance + 0.01
    assert repeated < 0.03
    # Placed, every number of misses comes as often, where there is a hit among the attempts.
    first = torch.where(found[:, -1], found.long().argmax(1), -1)
    counts = first[first >= 0].bincount(minlength=6) / len(first)
    if placed:
        assert float(counts.min()) > 0.08
    assert float(found[:, -1].float().mean()) > (0.7 if placed else 0.25)


def test_worse_attempts_come_first_unless_they_are_shuffled(task, skill):
    ladder, spread = (WORST, GOOD), {}
    for order in ("worst_first", "shuffled"):
        _, ended = put_together(
            task, skill, ladder=ladder, attempts=6, shots=1, order=order, placed=False
        )
        spread[order] = float(ended[:, 0].norm(dim=-1).mean())
    assert spread["worst_first"] > 1.3 * spread["shuffled"]


def test_only_attempts_of_one_who_knows_give_phi_away(task, skill):
    leaks = {}
    for informed in (True, False):
        made, _ = put_together(
            task, skill, 400, ladder=(GOOD,), shots=1, informed=informed, placed=False
        )
        leaks[informed] = leak(made, task.phi_space.hidden(made["phi"]))
    assert leaks[True] > 0.8, leaks
    # Which one is shown does not depend on phi here, as the first is.
    assert leaks[False] < LEAK, leaks


@pytest.mark.parametrize(
    ("explorer", "told"),
    [
        (Explorer("informed", (*[Rung(EpsilonRandom(), v) for v in (1.0, 0.4, 0.2)],)), True),
        (Explorer("informed", (WORST, BETTER, Rung(Temperature(), 1.5), GOOD)), True),
        (Explorer("best", (GOOD,) * 4), False),
        (Explorer("posterior", (WORST, BETTER, GOOD)), False),
        (Hindsight((WORST, BETTER, GOOD), attempts=6, shots=4), False),
    ],
)
def test_one_who_knows_gives_phi_away_at_the_latest_when_it_gets_better(
    task, skill, explorer, told
):
    """Whose first attempts are the worst hides phi in them, but not for a lifetime."""
    phi = task.phi_set.sample(1000, torch.Generator().manual_seed(3))
    made = explorer.lifetimes(task, skill, task.environment(1000), phi, 3)
    found = leaks(made, task.phi_space.hidden(phi))
    assert found[0] < LEAK, found
    assert (max(found) > LEAK) == told, found


def test_the_first_is_found_as_by_sorting():
    generator = torch.Generator().manual_seed(0)
    keys = [torch.randint(2, (50, 12), generator=generator) > 0 for _ in range(3)]
    keys.append(torch.rand(50, 12, generator=generator))
    for row, found in enumerate(first_by(*keys)):
        assert found == min(range(12), key=lambda at: tuple(key[row, at] for key in keys))


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="no order 'best'; there are worst_first, shuffled"):
        Hindsight(order="best")
    with pytest.raises(ValueError, match="0 attempts on each rung and 6 shots"):
        Hindsight(attempts=0)
    with pytest.raises(ValueError, match="2 attempts on each of 1 rungs are fewer than the 6 sh"):
        Hindsight((GOOD,), attempts=2)
