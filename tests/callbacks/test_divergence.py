import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from toy_task import ToyData, tiny_policy, tiny_trainer

from callbacks.divergence import DivergenceGuard


@pytest.mark.parametrize(("value", "norm"), [(torch.nan, "nan"), (1e8, r"[0-9]")])
def test_an_exploding_update_stops_the_run_and_leaves_weights_and_batch(tmp_path, value, norm):
    policy = tiny_policy()
    spoil = policy.training_step

    def training_step(batch, batch_idx):
        if batch_idx == 2:
            weights.update({k: v.clone() for k, v in policy.state_dict().items()})
            return spoil(batch, batch_idx) * value
        return spoil(batch, batch_idx)

    weights = {}
    policy.training_step = training_step
    trainer = tiny_trainer(
        max_steps=4, callbacks=[DivergenceGuard()], default_root_dir=tmp_path, limit_val_batches=0
    )
    with pytest.raises(RuntimeError, match=f"norm is .*{norm}.* at step 2, more than 10000"):
        trainer.fit(policy, ToyData())
    assert all(torch.equal(value, policy.state_dict()[name]) for name, value in weights.items())
    saved = torch.load(tmp_path / "diverged.pt", weights_only=False)
    assert saved["step"] == 2
    assert saved["batch"]["action"].shape == (128, 4, 2)


def test_a_calm_run_is_left_alone(tmp_path):
    trainer = tiny_trainer(
        max_steps=3, callbacks=[DivergenceGuard()], default_root_dir=tmp_path, limit_val_batches=0
    )
    trainer.fit(tiny_policy(), ToyData())
    assert trainer.global_step == 3
    assert not (tmp_path / "diverged.pt").exists()


class Attempts(Callback):
    """Logs a given success of attempts in each epoch."""

    def __init__(self, successes):
        self.successes = successes

    def on_train_epoch_start(self, trainer, pl_module):
        success = self.successes[trainer.current_epoch]
        pl_module.log("collection/success", success, batch_size=1)


def run(folder, guard, successes, *callbacks):
    trainer = tiny_trainer(
        max_epochs=len(successes),
        callbacks=[Attempts(successes), guard, *callbacks],
        enable_checkpointing=bool(callbacks),
        default_root_dir=folder,
        limit_val_batches=0,
        limit_train_batches=1,
    )
    trainer.fit(tiny_policy(), ToyData())
    return trainer


def test_a_policy_that_unlearns_what_it_could_ends_the_run(tmp_path):
    with pytest.raises(RuntimeError, match=r"fell from 0\.80 to 0\.02 for 2 iterations"):
        run(tmp_path, DivergenceGuard(patience=2), [0.5, 0.8, 0.05, 0.02, 0.9])


@pytest.mark.parametrize("successes", [[0.0, 0.0, 0.0, 0.0], [0.8, 0.05, 0.3, 0.05]])
def test_failing_from_the_start_or_for_a_moment_ends_nothing(tmp_path, successes):
    assert run(tmp_path, DivergenceGuard(patience=2), successes).current_epoch == 4


def test_a_resumed_guard_remembers_how_good_attempts_were(tmp_path):
    before, after = DivergenceGuard(patience=2), DivergenceGuard(patience=2)
    run(tmp_path, before, [0.8, 0.05])
    after.load_state_dict(before.state_dict())
    with pytest.raises(RuntimeError, match=r"from 0\.80"):
        run(tmp_path, after, [0.05])


def test_the_checkpoint_before_the_collapse_is_kept(tmp_path):
    saving = ModelCheckpoint(tmp_path, save_last=True)
    with pytest.raises(RuntimeError, match=r"go on from .*before_collapse\.ckpt"):
        run(tmp_path, DivergenceGuard(patience=2), [0.5, 0.8, 0.05, 0.02], saving)
    kept = torch.load(tmp_path / "before_collapse.ckpt", weights_only=True)
    assert kept["epoch"] == 1  # of success .8
