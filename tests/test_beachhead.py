"""The beachhead: cloning demonstrations of one position solves it, cloning nonsense does not."""

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EMAWeightAveraging

from datamodules import Demonstrations, PickBanana
from lightning_modules import DiffusionPolicy, Sampler
from lightning_modules.module_policy import ModulePolicy
from robot.rollout import rollout

pytestmark = pytest.mark.slow


class ShuffledActions(Demonstrations):
    """Demonstrations whose actions belong to other steps, each joint's to another one.

    Whole chunks would not do: a policy that plays random pieces of demonstrations of one position,
    whatever it sees, picks the banana every third time; with whole actions, every thirtieth.
    """

    def train_loader(self):
        return ShuffledLoader(super().train_loader())


class ShuffledLoader:
    def __init__(self, loader):
        self.loader = loader

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for batch in self.loader:
            steps = batch["action"].flatten(0, 1)  # [B * Tp, A]
            order = torch.rand(steps.shape).argsort(dim=0)
            batch["action"] = steps.gather(0, order).view_as(batch["action"])
            yield batch


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("demonstrations")


def success_at_point(source, folder):
    """Share of 64 episodes at `point` that a policy cloned for a minute or two solves."""
    seed_everything(0)
    task = PickBanana("point", {"demonstrations": source})
    policy = DiffusionPolicy(spec=task.spec, sampler=Sampler(temperature=0.3))  # as its config
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[EMAWeightAveraging(decay=0.99, use_buffers=False)],
    )
    trainer.fit(policy, task)
    phi = task.phi_sets["point"].sample(64, torch.Generator().manual_seed(2**31))
    out = rollout(task.environment(64), ModulePolicy(policy.eval()), phi, seed=2**31)
    return float(out["success"].float().mean())


def test_a_policy_cloned_from_demonstrations_picks_the_banana(data, tmp_path):
    source = Demonstrations(data, steps_per_epoch=4000)
    assert success_at_point(source, tmp_path) > 0.8


def test_a_policy_trained_on_shuffled_actions_scores_nothing(data, tmp_path):
    source = ShuffledActions(data, steps_per_epoch=2000)
    assert success_at_point(source, tmp_path) == 0.0
