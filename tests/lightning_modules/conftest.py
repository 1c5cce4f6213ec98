import pytest
from lightning.pytorch import seed_everything
from toy_task import ToyData, tiny_policy, tiny_trainer


@pytest.fixture(scope="session")
def cloned():
    """A tiny policy cloned from the toy task's two modes."""
    seed_everything(0)
    policy = tiny_policy()
    data = ToyData(size=2048, batch_size=256)
    tiny_trainer(max_steps=600, limit_val_batches=0).fit(policy, datamodule=data)
    return policy.eval()
