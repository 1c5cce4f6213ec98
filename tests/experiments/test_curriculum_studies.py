"""What the studies of the curriculum change, and what they read off a run."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from tensordict import TensorDict

from datamodules import Rollouts
from experiments import curriculum as studies
from experiments import reward_gradient
from experiments.far_corner import CORNER, PickBananaFarCorner, TooLargeStep
from experiments.one_point import PickBananaAtOnePoint
from experiments.training import configs, configure, fit
from lightning_modules import PolicyGradient, Reinforce, Sampler

ROOT = Path(__file__).parents[2]


@pytest.fixture
def overrides(monkeypatch):
    """``overrides`` that trains no beachhead for it."""
    monkeypatch.setattr(studies, "beachhead", lambda seed: studies.ROOT / f"mlp-{seed}.ckpt")
    monkeypatch.setattr(
        studies, "cloned", lambda task, where, seed: studies.ROOT / f"{task}-{where}-{seed}.ckpt"
    )
    return lambda study, method, seed=3, task="pick_banana": studies.overrides(
        task, study, method, seed, Path(f"{study}-{method}-{seed}")
    )


def arguments(config, class_path):
    (found,) = (c for c in config["trainer"]["callbacks"] if c["class_path"] == class_path)
    return found["init_args"]


@pytest.mark.parametrize("method", studies.STUDIES["comparison"].methods)
def test_runs_of_a_study_differ_in_their_method_alone(overrides, method):
    usual, changed = overrides("comparison", "curriculum"), overrides("comparison", method)
    for config in (usual, changed):
        assert arguments(config, "callbacks.RolloutCollection")["budget"] == 6_000
        assert arguments(config, "callbacks.Curriculum")["whole"] == "wide"
        assert config["seed_everything"] == config["data"]["init_args"]["seed"] == 3
    strategy = arguments(changed, "callbacks.Curriculum")["strategy"]["class_path"]
    expected = {
        "learnability": "callbacks.Learnability",
        "level_replay": "callbacks.LevelReplay",
        "no_op_filter": "callbacks.NoOpFilter",
        "timetable": "callbacks.Timetable",
        "no_curriculum": "callbacks.Timetable",
    }
    assert strategy == expected.get(method, "callbacks.BoundaryExpansion")


def test_the_gate_is_switched_off_at_a_step_that_is_too_large(overrides):
    for method, strategy, gate in (
        ("gate", "experiments.far_corner.TooLargeStep", True),
        ("gate_off", "experiments.far_corner.TooLargeStep", False),
        ("small_steps", "callbacks.BoundaryExpansion", True),
    ):
        changed = arguments(overrides("gate", method), "callbacks.Curriculum")
        assert changed["strategy"]["class_path"] == strategy
        assert changed["gate"] is gate


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--study", "comparison", "--method", "gate"], "study comparison has the methods"),
        (["--task", "place_in_bowl", "--method", "curriculum_one_point"], "study table alone"),
        (["--seed", "-1"], "'-1' is no seed"),
    ],
)
def test_what_makes_no_sense_is_refused(monkeypatch, capsys, words, sentence):
    monkeypatch.setattr(sys, "argv", ["curriculum.py", *words])
    with pytest.raises(SystemExit):
        studies.main()
    assert sentence in capsys.readouterr().err


def test_practice_never_leaves_the_first_set(overrides):
    config = overrides("table", "practice", task="place_in_bowl")
    curriculum = arguments(config, "callbacks.Curriculum")
    assert curriculum["whole"] == "point"
    whole = arguments(overrides("table", "no_curriculum"), "callbacks.Curriculum")
    assert whole["whole"] == "table"
    assert whole["strategy"] == curriculum["strategy"]


def test_a_stage_that_fails_ends_the_experiment_with_its_status(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as failure:
        fit(["--config", "none.yaml"], tmp_path)
    assert failure.value.code == 2
    assert not (tmp_path / "done").exists()


def test_a_run_of_another_config_is_not_taken_for_this_one(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.training.ROOT", tmp_path)
    run = tmp_path / "run"
    assert configure(run, {"seed": 0}) == ["--config", "run/study.yaml"]
    configure(run, {"seed": 1})  # nothing is there yet
    (run / "checkpoints").mkdir()
    configure(run, {"seed": 1})
    with pytest.raises(SystemExit, match="holds a run of another config"):
        configure(run, {"seed": 0})


def test_the_reward_has_a_gradient_where_attempts_succeed_and_none_elsewhere(monkeypatch):
    policy = PolicyGradient(
        PickBananaFarCorner("point", {"rollouts": Rollouts()}).spec,
        objective=Reinforce(),
        tuned_steps=1,
        sampler=Sampler(num_steps=2),
    )

    def some_succeed(environment, explorer, phi, seed):
        now = environment.reset(phi=phi)["observation"]
        episode = torch.arange(len(phi))[:, None, None].expand(-1, 2, 1)
        explorer(TensorDict.stack([now, now], dim=1).set("episode", episode))
        success = (phi[:, 0] > 0.47) if CORNER.contains(phi).all() else phi[:, 0] < 0
        return TensorDict({"success": success, "length": torch.full((len(phi),), 4)}, [len(phi)])

    monkeypatch.setattr("callbacks.attempts.rollout", some_succeed)
    task = PickBananaFarCorner("point", {"rollouts": Rollouts()})
    found = reward_gradient.measure(policy, task, list(task.phi_sets), 32, seed=0)
    assert found["grad_norm/corner/hi"] > 0
    assert found["grad_norm/point/hi"] == found["grad_norm/table/hi"] == 0
    assert found["success/corner/n"] == 32


def test_the_norm_of_a_gradient_is_found_under_noise_that_is_larger():
    generator = torch.Generator().manual_seed(0)
    true = torch.zeros(5_000)
    true[:4] = 1.0  # norm 2, of noise with norm 70 in every group and 18 in their mean
    found, inside = [], 0
    for _ in range(200):
        norm, low, high = reward_gradient.norm(true + torch.randn(16, 5_000, generator=generator))
        found.append(norm**2)
        inside += low <= 2 <= high
    assert sum(found) / 200 == pytest.approx(4, abs=1.5)
    assert inside >= 180
    # Without such noise it is sharp, and nothing is found where there is nothing.
    noise = torch.randn(16, 5_000, generator=generator)
    norm, low, high = reward_gradient.norm(true + 0.01 * noise)
    assert low < 2 < high < low + 0.1
    assert norm == pytest.approx(2, abs=0.05)
    assert reward_gradient.norm(noise)[1] == 0


def test_from_scratch_there_is_no_beachhead_and_nothing_is_frozen(overrides):
    for method in ("from_scratch", "reinforce_from_scratch"):
        model = overrides("comparison", method)["model"]["init_args"]
        assert "beachhead" not in model
        assert model["tuned_steps"] is None
    assert overrides("table", "curriculum")["model"]["init_args"] == {"beachhead": "mlp-3.ckpt"}
    at_one_point = overrides("table", "curriculum_one_point")
    assert at_one_point["model"]["init_args"]["beachhead"] == "pick_banana-one_point-3.ckpt"
    bowl = overrides("table", "curriculum", task="place_in_bowl")
    assert bowl["model"]["init_args"] == {"beachhead": "place_in_bowl-point-3.ckpt"}
    assert at_one_point["data"]["init_args"]["phi_set"] == "one_point"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "study", "method"),
    [
        ("pick_banana", "gate", "gate_off"),
        ("pick_banana", "table", "curriculum_one_point"),
        ("pick_banana", "comparison", "from_scratch"),
        ("place_in_bowl", "table", "curriculum"),
    ],
)
def test_the_command_line_takes_what_a_study_writes(overrides, tmp_path, task, study, method):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(overrides(study, method, task=task)))
    words = ["fit", *configs(studies.STAGE, task), "--config", str(path), "--print_config"]
    done = subprocess.run(
        [sys.executable, "train.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    callbacks = yaml.safe_load(done.stdout)["trainer"]["callbacks"]
    budgets = [c["init_args"].get("budget") for c in callbacks if "init_args" in c]
    assert studies.STUDIES[study].budget in budgets


def test_effort_and_rings_are_read_off_the_checkpoint(tmp_path):
    rings = [{"epoch": 2, "level": 0.1, "expected_return": 0.5}, {"epoch": 3, "level": 0.2}]
    callbacks = {
        "RolloutCollection": {"collected": 512, "robot_s": 100.0},
        "Curriculum": {"tried": 64, "robot_s": 12.5, "rings": rings},
    }
    torch.save({"callbacks": callbacks, "epoch": 1}, tmp_path / "last.ckpt")
    assert studies.effort(tmp_path / "last.ckpt") == {
        "episodes": 576,
        "robot_s": 112.5,
        "iterations": 2,
    }
    tried = studies.tried(tmp_path / "last.ckpt")
    assert [(ring["ring"], ring["level"]) for ring in tried] == [(0, 0.1), (1, 0.2)]


def test_one_point_is_one_point_inside_of_all_other_sets():
    sets = PickBananaAtOnePoint.phi_sets
    phi = sets["one_point"].sample(8, torch.Generator().manual_seed(0))
    assert (phi == phi[0]).all()
    assert all(phi_set.contains(phi).all() for phi_set in sets.values())


def test_the_step_that_is_too_large_goes_to_the_corner_at_once():
    sets = PickBananaFarCorner.phi_sets
    strategy = TooLargeStep(after=2)
    strategy.start(PickBananaFarCorner.phi_space, sets["point"], sets["table"])
    for _ in range(2):
        assert list(strategy.proposals()) == []
        strategy.observe(torch.zeros(1, 3), torch.zeros(1, 1, dtype=torch.bool))
    (proposal,) = strategy.proposals()
    assert strategy.refuse(proposal) is None
    strategy.accept(proposal)
    assert list(strategy.proposals()) == []
    again = TooLargeStep(after=2)
    again.start(PickBananaFarCorner.phi_space, sets["point"], sets["table"])
    again.load_state_dict(strategy.state_dict())
    for one in (strategy, again):
        phi = one.sample(10, torch.Generator().manual_seed(0))
        assert CORNER.contains(phi).sum() == sets["point"].contains(phi).sum() == 5
        assert one.progress == 1
    assert not sets["wide"].contains(phi[CORNER.contains(phi)]).any()
