import pytest
import torch
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
