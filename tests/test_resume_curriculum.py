"""A curriculum that was killed and resumed equals one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_resume import wait_for

ROOT = Path(__file__).parents[1]
OVERRIDES = """
trainer:
  accelerator: cpu
  max_epochs: 4
  logger: {init_args: {name: null, version: NAME}}
"""


def command(folder, name, *args):
    (folder / f"{name}.yaml").write_text(OVERRIDES.replace("NAME", name))
    configs = [ROOT / f"configs/pick_banana/curriculum{x}.yaml" for x in ("", "_smoke")]
    words = [sys.executable, str(ROOT / "train.py"), "fit"]
    for config in (*configs, folder / f"{name}.yaml"):
        words += ["--config", str(config)]
    return [*words, *args]


@pytest.mark.slow
def test_killed_and_resumed_the_curriculum_ends_as_if_it_had_not_been(tmp_path):
    subprocess.run(command(tmp_path, "whole"), cwd=tmp_path, check=True, capture_output=True)
    process = subprocess.Popen(
        command(tmp_path, "killed"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    last = tmp_path / "runs/killed/checkpoints/last.ckpt"
    wait_for(last, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = torch.load(last, weights_only=True)["epoch"]
    resume = command(tmp_path, "resumed", "--ckpt_path", str(last))
    subprocess.run(resume, cwd=tmp_path, check=True, capture_output=True)
    whole, resumed = (
        torch.load(tmp_path / f"runs/{name}/checkpoints/last.ckpt", weights_only=True)
        for name in ("whole", "resumed")
    )
    assert killed_at < whole["epoch"] == resumed["epoch"]
    for part in ("state_dict", "current_model_state", "optimizer_states"):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0)
    for name in ("Curriculum", "RolloutCollection"):
        torch.testing.assert_close(
            resumed["callbacks"][name], whole["callbacks"][name], rtol=0, atol=0
        )
    assert whole["callbacks"]["RolloutCollection"]["collected"] == 64
