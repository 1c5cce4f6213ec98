"""Killed in the middle of training and resumed equals never killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


def command(folder, *args):
    return [
        sys.executable,
        str(ROOT / "train.py"),
        "fit",
        *("--config", str(ROOT / "configs/pick_banana/diffusion_policy.yaml")),
        *("--config", str(ROOT / "configs/pick_banana/smoke.yaml")),
        *("--config", str(folder / "overrides.yaml")),
        *args,
    ]


# Checkpoints in the middle of epochs, so that the loader's place matters; no pictures, for speed.
OVERRIDES = """
trainer:
  accelerator: cpu
  max_epochs: 3
  logger: {init_args: {name: null, version: NAME}}
  callbacks:
    - class_path: lightning.pytorch.callbacks.EMAWeightAveraging
      init_args: {decay: 0.9, use_buffers: false}
    - class_path: callbacks.RolloutEvaluation
      init_args: {episodes: 2, num_envs: 2}
    - class_path: lightning.pytorch.callbacks.ModelCheckpoint
      init_args: {save_top_k: -1, every_n_train_steps: 7, filename: "{step}"}
"""


def overrides(folder, name):
    (folder / "overrides.yaml").write_text(OVERRIDES.replace("NAME", name))


def run(folder, name, *args):
    overrides(folder, name)
    subprocess.run(command(folder, *args), cwd=folder, check=True, capture_output=True)


def checkpoint(folder, name, step):
    return folder / "runs" / name / "checkpoints" / f"step={step}.ckpt"


def wait_for(path, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_and_resumed_run_ends_bit_equal_to_one_that_was_not(tmp_path):
    run(tmp_path, "whole")
    overrides(tmp_path, "killed")
    process = subprocess.Popen(command(tmp_path), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_for(checkpoint(tmp_path, "killed", 28), process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not checkpoint(tmp_path, "killed", 56).exists(), "it was killed too late to tell"
    run(tmp_path, "resumed", "--ckpt_path", str(checkpoint(tmp_path, "killed", 28)))
    whole, resumed = (
        torch.load(checkpoint(tmp_path, name, 56), weights_only=True)
        for name in ("whole", "resumed")
    )
    for part in ("state_dict", "current_model_state"):  # averaged and raw weights
        assert whole[part].keys() == resumed[part].keys()
        for key, value in whole[part].items():
            assert torch.equal(value, resumed[part][key]), (part, key)
    moments = [c["optimizer_states"][0]["state"][0]["exp_avg"] for c in (whole, resumed)]
    assert torch.equal(*moments)
    assert whole["lr_schedulers"] == resumed["lr_schedulers"]
    states = [
        next(s for key, s in c["callbacks"].items() if "RolloutEvaluation" in key)
        for c in (whole, resumed)
    ]
    assert states[0] == states[1]


@pytest.mark.slow
def test_two_processes_train_and_share_the_rollouts(tmp_path):
    overrides(tmp_path, "ddp")
    args = ["--trainer.strategy", "ddp", "--trainer.devices", "2", "--trainer.max_epochs", "1"]
    args += ["--trainer.enable_progress_bar", "false"]
    output = subprocess.run(
        command(tmp_path, *args, "--trainer.callbacks+", "callbacks.Summary"),
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    result = json.loads(output.strip().splitlines()[-1].removeprefix("RESULT "))
    assert result["success/point/n"] == 2
    saved = torch.load(checkpoint(tmp_path, "ddp", 14), weights_only=True)
    assert saved["global_step"] == 14
