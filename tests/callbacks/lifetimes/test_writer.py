"""Lifetimes are made by one who does not know, and a probe tells if one who knows made them."""

import json
from functools import partial

import pytest
import torch
from toy_task import tiny_trainer

from callbacks.lifetimes import Explorer, Hindsight, LifetimeWriter, Mixture
from callbacks.lifetimes.probe import LEAK, leak
from datamodules import HiddenReach, Lifetimes, Rollouts, WantedObject
from datamodules.lifetime_store import LifetimeStore
from datamodules.wanted_object import wanted
from lightning_modules import DiffusionPolicy, Horizons, MLPDenoiser
from lightning_modules.lifetime_batch import decided
from lightning_modules.skill import Guidance, Rung, Temperature

TWICE = Explorer(ladder=(Rung(),) * 2)
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
    with pytest.raises(ValueError, match="shots is 0, a lifetime has at least one"):
        Explorer(shots=0)
    with pytest.raises(ValueError, match="2 explorers have 1 shares"):
        Mixture((Explorer(), Hindsight()), (1.0,))
    with pytest.raises(ValueError, match=r"shares are \[0.5, 0.4\]: each above 0, and 1 in all"):
        Mixture((Explorer(), Hindsight()), (0.5, 0.4))
    with pytest.raises(ValueError, match=r"lifetimes of \[2, 6\] episodes do not mix"):
        Mixture((Explorer(), Explorer(shots=2)), (0.5, 0.5))
    with pytest.raises(ValueError, match="give both"):
        Rung(Temperature())
    with pytest.raises(ValueError, match="the knob temperature is at -3, it takes a number from"):
        Rung(Temperature(), -3.0)


def test_a_rung_takes_its_value_from_what_was_calibrated(tmp_path):
    table = tmp_path / "results.json"
    found = ((0.85, 0.7, 0.86), (0.25, 1.2, 0.2))
    rows = [
        {"study": "calibrated", "method": "temperature"}
        | {"level": level, "value": value, "success/table": success}
        for level, value, success in found
    ]
    table.write_text(json.dumps(rows))
    rung = Rung(Temperature(), success=0.25, table=str(table))
    assert rung.value == 1.2
    assert rung.describe() == Rung(Temperature(), 1.2).describe()
    with pytest.raises(ValueError, match=r"in 0\.5; it was calibrated to 0\.85, 0\.25"):
        Rung(Temperature(), success=0.5, table=str(table))
    with pytest.raises(ValueError, match="give a knob and no value"):
        Rung(Temperature(), 1.0, success=0.25, table=str(table))
    with pytest.raises(FileNotFoundError, match=r"skill_ladder\.py --knob temperature --results"):
        Rung(Temperature(), success=0.25, table=str(tmp_path / "none.json"))
    # What was missed by far is no setting.
    table.write_text(json.dumps([rows[0], {**rows[1], "success/table": 0.4}]))
    with pytest.raises(ValueError, match=r"has 0 values at which temperature succeeds in 0\.25"):
        Rung(Temperature(), success=0.25, table=str(table))


def test_explorers_share_the_parts_as_asked(tmp_path):
    first, second = Explorer(shots=2), Explorer("prior", shots=2)
    mixture = Mixture((first, second), (0.75, 0.25))
    by = [mixture.of_part(part) for part in range(16)]
    assert by.count(second) == 4
    assert all(by[n : n + 4].count(second) == 1 for n in (0, 4, 8, 12))
    made = predict(tmp_path / "mixed", explorer=Mixture((first, second), (0.5, 0.5)))
    described = [first.describe(), second.describe()]
    assert made.metadata["explorer"] == {"explorers": described, "shares": [0.5, 0.5]}
    for part, explorer in enumerate((first, second)):
        alone = predict(tmp_path / str(part), explorer=explorer)
        assert (made.part(part) == alone.part(part)).all()


def predict(folder, seed=0, explorer=TWICE, **arguments):
    """Makes four lifetimes with a tiny skill of random weights."""
    torch.manual_seed(seed)
    task = HiddenReach("wide", {"lifetimes": Lifetimes(folder)})
    skill = DiffusionPolicy(
        task.spec,
        denoiser=partial(MLPDenoiser, width=16),
        horizons=Horizons(observation=1, prediction=8, action=8),
    )
    writer = LifetimeWriter(4, explorer, part=2)
    tiny_trainer(callbacks=[writer], **arguments).predict(skill, task)
    return None if arguments else LifetimeStore.open(folder)


def test_a_writer_that_was_stopped_goes_on_even_in_its_first_part(tmp_path):
    whole = predict(tmp_path / "whole")
    begun = LifetimeStore.open_or_create(tmp_path / "stopped", whole.metadata)
    assert begun.parts() == []
    assert whole.wanted == 4
    assert (predict(tmp_path / "stopped").load() == whole.load()).all()


def test_a_fast_dev_run_lives_once_and_writes_nothing(tmp_path, monkeypatch):
    lived = []
    made = Explorer.lifetimes
    monkeypatch.setattr(Explorer, "lifetimes", lambda *a: lived.append(len(a[4])) or made(*a))
    predict(tmp_path / "none", fast_dev_run=True)
    assert lived == [1]
    assert not (tmp_path / "none").exists()


def test_lifetimes_of_another_skill_are_not_added(tmp_path):
    predict(tmp_path)
    with pytest.raises(ValueError, match="holds lifetimes whose skill is"):
        predict(tmp_path, seed=1)


def test_a_rung_that_the_skill_cannot_take_is_refused_before_anything_is_written(tmp_path):
    task = HiddenReach("wide", {"lifetimes": Lifetimes(tmp_path)})
    writer = LifetimeWriter(4, Explorer(ladder=(Rung(), Rung(Guidance(), 0.5))), part=2)
    skill = DiffusionPolicy(task.spec, denoiser=partial(MLPDenoiser, width=16))
    with pytest.raises(ValueError, match="trained with condition_dropout 0"):
        tiny_trainer(callbacks=[writer]).predict(skill, task)
    assert not list(tmp_path.iterdir())


def test_a_few_lifetimes_say_nothing_about_a_leak(tmp_path):
    assert "leak" not in predict(tmp_path).probe()
