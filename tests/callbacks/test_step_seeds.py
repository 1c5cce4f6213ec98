import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from rollout_toys import ToyLearner, ToyTask, toy_trainer

from callbacks import StepSeeds


def train(folder, *callbacks, epochs, start, ckpt_path=None):
    """Weights after training from the same initial ones, with another random state each time."""
    torch.manual_seed(0)
    learner = ToyLearner()
    torch.manual_seed(start)
    save = ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)
    trainer = toy_trainer(
        folder, *callbacks, save, max_epochs=epochs, enable_checkpointing=True, logger=False
    )
    trainer.fit(learner, ToyTask(), ckpt_path=ckpt_path)
    return torch.nn.utils.parameters_to_vector(learner.parameters())


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    whole = train(tmp_path / "whole", StepSeeds(), epochs=3, start=1)
    train(tmp_path / "first", StepSeeds(), epochs=2, start=2)
    checkpoint = tmp_path / "first" / "epoch=1.ckpt"
    resumed = train(tmp_path / "second", StepSeeds(), epochs=3, start=3, ckpt_path=checkpoint)
    assert torch.equal(whole, resumed)


def test_without_step_seeds_the_random_state_decides(tmp_path):
    one = train(tmp_path / "one", epochs=1, start=1)
    assert not torch.equal(one, train(tmp_path / "two", epochs=1, start=2))


def test_another_seed_gives_another_run(tmp_path):
    one = train(tmp_path / "one", StepSeeds(1), epochs=1, start=1)
    assert not torch.equal(one, train(tmp_path / "two", StepSeeds(2), epochs=1, start=1))


def test_a_run_without_any_seed_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("PL_GLOBAL_SEED")
    with pytest.raises(ValueError, match="StepSeeds needs a seed"):
        train(tmp_path, StepSeeds(), epochs=1, start=1)
