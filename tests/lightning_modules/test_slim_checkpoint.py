"""Slim checkpoints act as the whole ones do."""

import subprocess
import sys

import pytest
import torch
from tensordict import TensorDict

from lightning_modules import load_policy
from lightning_modules.slim_checkpoint import write_slim


@pytest.fixture(scope="module")
def whole(tmp_path_factory, request):
    """The last checkpoint of a curriculum of two iterations."""
    folder = tmp_path_factory.mktemp("run")
    root = request.config.rootpath
    configs = [root / f"configs/pick_banana/curriculum{x}.yaml" for x in ("", "_smoke")]
    words = [sys.executable, str(root / "train.py"), "fit"]
    for config in configs:
        words += ["--config", str(config)]
    words += ["--trainer.accelerator", "cpu", "--trainer.max_epochs", "2"]
    words += ["--trainer.default_root_dir", str(folder), "--trainer.logger", "false"]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    return next(folder.rglob("last.ckpt")), configs


def observations(policy, batch=8):
    generator = torch.Generator().manual_seed(0)
    fields = {
        name: torch.rand(
            batch,
            policy.observation_horizon,
            len(policy.spec.observation[name]),
            generator=generator,
        )
        for name in policy.spec.needed_fields
    }
    return TensorDict(fields, batch_size=[batch, policy.observation_horizon])


def test_a_slim_checkpoint_is_small_and_decides_as_the_whole_one(whole, tmp_path):
    checkpoint, _ = whole
    write_slim(checkpoint, tmp_path / "slim.ckpt")
    assert (tmp_path / "slim.ckpt").stat().st_size < checkpoint.stat().st_size / 5
    a, b = load_policy(checkpoint), load_policy(tmp_path / "slim.ckpt")
    chunks = [p(observations(p), torch.Generator().manual_seed(1)) for p in (a, b)]
    torch.testing.assert_close(chunks[0], chunks[1], atol=5e-3, rtol=0)


def test_what_is_no_checkpoint_is_one_sentence_and_writes_nothing(tmp_path, request):
    words = [sys.executable, "-m", "lightning_modules.slim_checkpoint", "none.ckpt"]
    target = tmp_path / "slim.ckpt"
    done = subprocess.run(
        [*words, str(target)],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no checkpoint at 'none.ckpt'" in done.stderr.splitlines()[-1]
    assert not target.exists()


@pytest.mark.slow
def test_a_slim_checkpoint_is_evaluated_and_never_trained_on(whole, tmp_path):
    checkpoint, configs = whole
    slim = tmp_path / "slim.ckpt"
    write_slim(checkpoint, slim)
    train = configs[0].parents[2] / "train.py"

    def run(stage):
        words = [sys.executable, str(train), stage, "--ckpt_path", str(slim)]
        for config in configs:
            words += ["--config", str(config)]
        words += ["--trainer.logger", "false", "--trainer.accelerator", "cpu"]
        words += ["--trainer.default_root_dir", str(tmp_path)]
        return subprocess.run(words, cwd=train.parent, capture_output=True, text=True, check=False)

    tested = run("test")
    assert tested.returncode == 0, tested.stderr
    assert any(line.startswith("RESULT ") for line in tested.stdout.splitlines())
    refused = run("fit")
    assert refused.returncode != 0
    assert "slim" in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr
