"""Lifetimes are made by one who does not know, and a probe tells if one who knows made them."""

import pytest
import torch

from callbacks.lifetimes import Explorer
from callbacks.lifetimes.probe import LEAK, leak
from datamodules import Rollouts, WantedObject
from datamodules.wanted_object import wanted
from lightning_modules.lifetime_batch import decided
from lightning_modules.skill import Rung, Temperature

CHECKPOINT = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


@pytest.fixture(scope="module")
def skill():
    from lightning_modules import PolicyGradient
    from lightning_modules.checkpoint import read_checkpoint

    return PolicyGradient.rebuild(read_checkpoint(CHECKPOINT)).eval()


def lived(skill, hypothesis, n=48, shots=2):
    task = WantedObject("wide", {"rollouts": Rollouts()})
    phi = task.phi_set.sample(n, torch.Generator().manual_seed(0))
    env = task.environment(n, num_threads=1)
    explorer = Explorer(hypothesis, (Rung(Temperature(), 0.3),) * shots)
    return task, explorer.lifetimes(task, skill, env, phi, seed=0)


@pytest.mark.slow
def test_a_search_finds_and_repeats_and_its_labels_are_an_oracles(skill):
    task, made = lived(skill, "best", shots=5)
    success = made["success"].float().mean(0)
    assert float(success[0]) < 0.5
    assert float(success[-1]) > 0.85
    there = decided(made, skill.horizons.action)
    assert (made["observation"][~there] == 0).all()
    assert (made["oracle"][~there] == 0).all()
    assert (made["oracle"][there].abs().sum((1, 2)) > 0).all()
    # The oracle goes for the wanted one: its waist turns that way, whatever the explorer does.
    bearings = task.phi_space.visible(made["phi"])[:, 4:8]
    target = bearings.gather(1, wanted(task.phi_space.hidden(made["phi"]))[:, None])[:, 0]
    waist = made["oracle"][:, 0, 0, -1, 0] - made["last_command"][:, 0, 0, 0]
    assert float(torch.corrcoef(torch.stack([waist, target]))[0, 1]) > 0.8


@pytest.mark.slow
def test_the_probe_reads_one_who_knows_and_not_one_who_searches(skill):
    leaks = {}
    for hypothesis in ("informed", "best"):
        task, made = lived(skill, hypothesis, n=256, shots=1)
        leaks[hypothesis] = leak(made, task.phi_space.hidden(made["phi"]))
    assert leaks["informed"] > LEAK + 0.2, leaks
    assert leaks["best"] < LEAK, leaks


def test_explorers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="no hypothesis 'worst'; there are best, posterior"):
        Explorer("worst")
    with pytest.raises(ValueError, match="a ladder needs a rung"):
        Explorer(ladder=())
    with pytest.raises(ValueError, match="give both"):
        Rung(Temperature())
