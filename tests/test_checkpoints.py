"""What the configs keep of a run."""

from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from toy_task import ToyData, tiny_policy, tiny_trainer

CONFIGS = Path(__file__).parents[1] / "configs" / "pick_banana"


@pytest.mark.parametrize("config", ["diffusion_policy", "curriculum"])
def test_the_last_checkpoint_is_the_last_even_if_nothing_gets_better(config, tmp_path):
    wanted = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text())["trainer"]["callbacks"]
    callbacks = [
        ModelCheckpoint(tmp_path, **callback["init_args"])
        for callback in wanted
        if callback["class_path"].endswith("ModelCheckpoint")
    ]
    policy = tiny_policy()
    step = policy.validation_step

    def solved(batch, batch_idx):
        step(batch, batch_idx)
        for name in ("rollout/success", "rollout/success/table"):
            policy.log(name, 1.0, batch_size=1)

    policy.validation_step = solved
    trainer = tiny_trainer(
        max_epochs=12, limit_train_batches=1, enable_checkpointing=True, callbacks=callbacks
    )
    trainer.fit(policy, ToyData(size=64, batch_size=32))
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 11
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] < 11
