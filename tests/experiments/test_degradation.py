"""The experiment on worse attempts: what its arms are, and that a run of one goes through."""

from dataclasses import replace

import pytest
import torch

from experiments import degradation, reaching_skill
from experiments.degradation import ARMS, CHANGED, KNOBS, SameEnds, Unrewarded, WrongTarget
from experiments.degradation_families import FAMILIES
from lightning_modules.skill import Temperature
from robot.rollout import rollout


@pytest.fixture(scope="module")
def skill(tmp_path_factory):
    """A skill that was cloned for a short time."""
    folder = tmp_path_factory.mktemp("skill")
    learner = reaching_skill.train(0, 300, folder)
    learner.trainer.save_checkpoint(folder / "last.ckpt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reaching_skill, "checkpoint", lambda seed: folder / "last.ckpt")
        yield degradation.Skill(FAMILIES["hidden_reach"], 0)


def same_ends(skill):
    return SameEnds(Temperature(), skill.task, skill.family.calibrated, skill.family.num_envs)


def ends(skill, knob, value, n=512):
    """Where attempts end, from where the target is seen: ``[n, 2]``."""
    phi = skill.task.phi_set.sample(n, torch.Generator().manual_seed(0))
    policy = knob.at(skill.learner, value, seed=3)
    ended = rollout(skill.task.environment(n), policy, phi, 0, record=True)
    return -skill.task.believed(ended)


def test_a_family_has_arms_of_the_experiment_and_a_skill():
    for family in FAMILIES.values():
        assert set(family.arms) <= set(ARMS)
        assert family.lifetimes % family.part == 0
        assert family.made_up().task_name in FAMILIES
    assert FAMILIES["bumped_camera"].skill(2).is_file()


def test_every_arm_has_a_source_and_the_registration_names_it():
    registered = (degradation.ROOT / "docs/results/degradation/registration-2.md").read_text()
    for arm in ARMS:
        assert f"`{arm}`" in registered, arm
    assert {name for name, _ in CHANGED.values()} <= set(KNOBS)
    assert len(ARMS) == len(set(ARMS)) >= 8


def test_wrong_targets_are_spread_evenly_over_a_disc(skill):
    distance = ends(skill, WrongTarget(skill.task, 512), 0.1).norm(dim=-1)
    assert float(distance.max()) < 0.12
    assert float((distance < 0.1 / 2**0.5).float().mean()) == pytest.approx(0.5, abs=0.08)


def test_the_coverage_of_another_knob_without_its_noise(skill):
    worse, same = (ends(skill, knob, 2.5) for knob in (Temperature(), same_ends(skill)))
    assert float(same.norm(dim=-1).mean()) == pytest.approx(
        float(worse.norm(dim=-1).mean()), rel=0.15
    )
    made = [
        rollout(
            skill.task.environment(64),
            knob.at(skill.learner, 2.5, seed=3),
            skill.task.phi_set.sample(64, torch.Generator().manual_seed(0)),
            0,
            record=True,
        )["state"].diff(dim=1)
        for knob in (Temperature(), same_ends(skill))
    ]
    turns = [float((a[:, 1:] - a[:, :-1]).norm(dim=-1).mean()) for a in made]
    assert turns[1] < 0.5 * turns[0]


def test_one_without_rewards_is_told_of_none(skill):
    student = degradation.MetaLearner(
        skill.task.spec, str(reaching_skill.checkpoint(0)), width=16, context=12
    )
    policy = Unrewarded(student.eval(), 3)
    policy.end_episode(torch.ones(3, dtype=torch.bool))
    assert not policy._won.any()


def test_a_run_makes_learns_and_tests(skill, monkeypatch):
    small = replace(skill.family, part=32, lifetimes=64, tested=64, updates=2)
    monkeypatch.setattr(skill, "family", small)
    maker, notes = degradation.source(skill, "search")
    found = degradation.run(skill, maker, "search", 3)
    assert notes == {}
    assert found["data/success/shot_6"] > found["data/success/shot_1"]
    assert found["adaptation/success/shot_6/n"] == 64
    assert 0 <= found["adaptation/memory_reset/success/shot_6"] <= 1


@pytest.mark.parametrize("arm", ["temperature", "temperature_unrewarded"])
def test_one_without_rewards_learns_from_lifetimes_that_tell_of_none(skill, monkeypatch, arm):
    small = replace(skill.family, part=32, lifetimes=64, tested=64, updates=1)
    monkeypatch.setattr(skill, "family", small)
    stored = {}

    def learn(skill, folder):
        stored["success"] = degradation.LifetimeStore.open(folder).load()["success"].clone()
        return

    monkeypatch.setattr(degradation, "learn", learn)
    monkeypatch.setattr(degradation, "lives_of", lambda *_: {})
    found = degradation.run(skill, degradation.EXPLORERS["search"], arm, 2)
    assert found["data/success/shot_6"] > 0.3  # as they were made
    assert bool(stored["success"].any()) == (arm == "temperature")
