"""A curriculum that was killed and resumed, or that several processes share."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
# A policy that succeeds, so that the level grows within a few iterations.
BEACHHEAD = ROOT / "docs/results/curriculum/checkpoints/curriculum-0.ckpt"
OVERRIDES = """
trainer:
  accelerator: cpu
  max_epochs: 14
  logger: {init_args: {name: null, version: NAME}}
"""


def command(folder, name, *args):
    (folder / f"{name}.yaml").write_text(OVERRIDES.replace("NAME", name))
    configs = [ROOT / f"configs/pick_banana/curriculum{x}.yaml" for x in ("", "_smoke")]
    words = [sys.executable, str(ROOT / "train.py"), "fit"]
    for config in (*configs, folder / f"{name}.yaml"):
        words += ["--config", str(config)]
    return [*words, "--model.init_args.beachhead", str(BEACHHEAD), *args]


def same(one, other):
    """Whether two states are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.slow
def test_killed_again_and_again_the_curriculum_ends_as_if_it_had_not_been(tmp_path):
    """Whatever it is at when it is killed: collecting, learning, evaluating or saving."""
    subprocess.run(command(tmp_path, "whole"), cwd=tmp_path, check=True, capture_output=True)
    last = tmp_path / "runs/killed/checkpoints/last.ckpt"
    killed_at = []
    for seconds in (0.0, 0.4, 0.8):
        resume = ("--ckpt_path", str(last)) if killed_at else ()
        before = last.stat().st_mtime_ns if killed_at else 0
        process = subprocess.Popen(
            command(tmp_path, "killed", *resume),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        while not (last.is_file() and last.stat().st_mtime_ns > before):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed_at.append(torch.load(last, weights_only=True)["epoch"])
    resume = command(tmp_path, "killed", "--ckpt_path", str(last))
    subprocess.run(resume, cwd=tmp_path, check=True, capture_output=True)
    whole, resumed = (
        torch.load(tmp_path / f"runs/{name}/checkpoints/last.ckpt", weights_only=True)
        for name in ("whole", "killed")
    )
    assert killed_at == sorted(killed_at)
    assert killed_at[-1] < whole["epoch"] == resumed["epoch"]
    for part in ("state_dict", "current_model_state", "optimizer_states"):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0)
    for name in ("Curriculum", "RolloutCollection", "DivergenceGuard"):
        assert same(resumed["callbacks"][name], whole["callbacks"][name]), name
    assert whole["callbacks"]["RolloutCollection"]["collected"] == 16 * (whole["epoch"] + 1)
    curriculum = whole["callbacks"]["Curriculum"]
    assert curriculum["tried"] == 4 * len(curriculum["rings"]) > 0
    assert curriculum["strategy"]["gone"].min() == 1, "the level has not grown to the whole table"


@pytest.mark.slow
def test_two_processes_share_the_attempts_and_agree_on_the_curriculum(tmp_path):
    ddp = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.max_epochs", "6")
    words = command(tmp_path, "together", *ddp)
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    saved = torch.load(tmp_path / "runs/together/checkpoints/last.ckpt", weights_only=True)
    assert saved["callbacks"]["RolloutCollection"]["collected"] == 6 * 16
    assert saved["global_step"] == 6 * 4
    curriculum = saved["callbacks"]["Curriculum"]
    assert curriculum["tried"] == 4 * len(curriculum["rings"]) > 0
    # Ranks that disagreed on the level would have tried different numbers of rings, and waited
    # for each other in vain.
    assert curriculum["strategy"]["gone"].max() > 0
