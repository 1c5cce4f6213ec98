"""What is said of lifetimes, and who else lives them."""

import types
from dataclasses import replace

import pytest
import torch

from callbacks.lifetimes import AdaptationEvaluation
from callbacks.lifetimes.adaptation import Adaptation
from callbacks.lifetimes.lives import live
from callbacks.lifetimes.rivals import Knowing, Searching
from callbacks.lifetimes.video import found_out
from datamodules import PickBanana, Rollouts, WantedObject
from lightning_modules.policy import load_learner
from lightning_modules.skill import SampledBy

CHECKPOINT = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"


def test_hazard_and_what_is_kept_are_counted_apart():
    success = torch.tensor([[0, 1, 1], [0, 0, 1], [1, 0, 1], [0, 0, 0]], dtype=torch.bool)
    length = torch.full((4, 3), 20)
    found = Adaptation(success, length).metrics(rate=10.0)
    assert [found[f"success/shot_{h}"] for h in (1, 2, 3)] == [0.25, 0.25, 0.75]
    assert [found[f"hazard/shot_{h}"] for h in (1, 2, 3)] == [0.25, pytest.approx(1 / 3), 0.5]
    assert "kept/shot_1" not in found
    assert [found[f"kept/shot_{h}"] for h in (2, 3)] == [0.0, 1.0]
    assert found["hazard/shot_3/n"] == 2
    assert [found[f"robot_s/shot_{h}"] for h in (1, 2, 3)] == [2.0, 4.0, 6.0]


def test_without_anything_hidden_there_is_nothing_to_adapt_to():
    trainer = type("T", (), {"datamodule": PickBanana("point", {"rollouts": Rollouts()})})()
    with pytest.raises(ValueError, match="something hidden, PickBanana has nothing"):
        AdaptationEvaluation().setup(trainer, None, "fit")
    with pytest.raises(ValueError, match="shots 0 and num_envs 128, all must be at least 1"):
        AdaptationEvaluation(shots=0)


@pytest.mark.slow
def test_one_who_knows_succeeds_at_once_and_one_who_searches_later():
    task = WantedObject("wide", {"rollouts": Rollouts()})
    learner = load_learner(CHECKPOINT)
    skill = SampledBy(learner, learner.sampler)
    phi = task.phi_set.sample(24, torch.Generator().manual_seed(0))
    env = task.environment(24, num_threads=1)
    knowing = Knowing(skill, task, task.phi_space.hidden(phi))
    known = Adaptation.of(live(env, knowing, phi, shots=1, seed=0)).by_shot()
    assert known[0].rate > 0.85
    generator = torch.Generator().manual_seed(0)
    searching = Searching(skill, task, phi, "best", generator)
    found = Adaptation.of(live(env, searching, phi, shots=4, seed=0)).by_shot()
    assert found[0].rate < 0.6
    assert found[3].rate > 0.85


def test_a_lifetime_in_which_something_is_found_out_is_shown_first():
    success = torch.tensor([[1, 1], [0, 0], [1, 0], [0, 1], [1, 1]], dtype=torch.bool)
    assert found_out(success) == [3, 0, 1, 4, 2]


def test_those_beside_a_learner_act_as_their_skill_does_however_it_is_sampled():
    task = WantedObject("wide", {"rollouts": Rollouts()})
    learner = load_learner(CHECKPOINT)
    evaluation = AdaptationEvaluation(skill=CHECKPOINT)
    phi = task.phi_set.sample(2, torch.Generator().manual_seed(0))
    now = task.environment(len(phi), num_threads=1).reset(phi=phi)["observation"]
    seen = torch.stack([now] * learner.horizons.observation, dim=1)
    seen["episode"] = torch.arange(len(phi))[:, None, None].expand(-1, seen.shape[1], -1)
    said = []
    for temperature in (0.0, 3.0):
        module = types.SimpleNamespace(
            device="cpu", sampler=replace(learner.sampler, temperature=temperature)
        )
        oracle = evaluation._others(task, module)["oracle"](phi, 0)
        said.append(oracle(seen, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(*said)
