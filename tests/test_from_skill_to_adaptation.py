"""From a skill to a learner that is tested within lifetimes, by the commands of the README."""

import json
import subprocess
import sys

import pytest
import yaml

SKILL = "docs/results/curriculum/checkpoints/curriculum-0.ckpt"
SHOTS, LIFETIMES = 2, 4


def configured(folder, stage):
    """What is made small, as a config."""
    source = {"path": str(folder / "lifetimes"), "batch_size": 2, "steps_per_epoch": 2}
    lifetimes = {"class_path": "datamodules.Lifetimes", "init_args": source}
    explorer = {
        "class_path": "callbacks.Explorer",
        "init_args": {"ladder": [{"knob": None}] * SHOTS},
    }
    writer = {"lifetimes": LIFETIMES, "part": 2, "explorer": explorer}
    evaluation = {"lifetimes": 2, "test_lifetimes": LIFETIMES, "shots": SHOTS, "skill": SKILL}
    callbacks = {
        "lifetimes": [{"class_path": "callbacks.LifetimeWriter", "init_args": writer}],
        "meta_learner": [
            {"class_path": "callbacks.AdaptationEvaluation", "init_args": evaluation},
            {"class_path": "callbacks.Summary"},
        ],
    }
    changed = {
        "data": {"init_args": {"sources": {"lifetimes": lifetimes}}},
        "trainer": {"callbacks": callbacks[stage], "accelerator": "cpu"},
    }
    if stage == "meta_learner":
        changed["trainer"] |= {"max_epochs": 1, "default_root_dir": str(folder), "logger": False}
    path = folder / f"{stage}.yaml"
    path.write_text(yaml.safe_dump(changed))
    return path


def run(root, folder, subcommand, stage, family, *arguments):
    words = [sys.executable, "train.py", subcommand]
    families = dict.fromkeys(["wanted_object", family])
    for config in [f"configs/{f}/{stage}.yaml" for f in families]:
        words += ["--config", config]
    words += ["--config", str(configured(folder, stage)), *arguments]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("family", ["wanted_object", "wrong_homing"])
def test_lifetimes_are_made_learnt_from_and_compared(family, tmp_path, request):
    root = request.config.rootpath
    made = run(root, tmp_path, "predict", "lifetimes", family, "--ckpt_path", SKILL)
    assert f"{LIFETIMES} lifetimes at " in made
    skill = ("--model.init_args.skill", SKILL)
    run(root, tmp_path, "fit", "meta_learner", family, *skill)
    last = next(tmp_path.rglob("*.ckpt"))
    said = run(root, tmp_path, "test", "meta_learner", family, *skill, "--ckpt_path", str(last))
    (line,) = (line for line in said.splitlines() if line.startswith("RESULT "))
    result = json.loads(line.removeprefix("RESULT "))
    for who in ("success", "oracle", "reference", "memoryless", "random_then_repeat"):
        assert result[f"adaptation/{who}/shot_{SHOTS}/n"] == LIFETIMES
    assert result[f"adaptation/robot_s/shot_{SHOTS}"] > 0
