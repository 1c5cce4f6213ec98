"""What the tests of the command line name in their configs."""

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from torch.utils.data import DataLoader

from callbacks import RolloutEvaluation
from robot.schema import Range, TaskSpec


class ToyTask(LightningDataModule):
    """Fails wherever it is told to."""

    def __init__(self, rate: float = 10.0, fail_at: str = "never"):
        super().__init__()
        if rate <= 0:
            raise ValueError(f"rate is {rate}, it must be above 0")
        self.fail_at = fail_at
        one = Range.repeat(0.0, 1.0, 1)
        self.spec = TaskSpec("toy", rate, ("waist",), {"joint_position": one}, one)

    def setup(self, stage):
        if self.fail_at == "setup":
            raise ValueError("episode 3 holds NaN:\n  look at it")
        if self.fail_at == "bug":
            int("not a number")

    def train_dataloader(self):
        return DataLoader(torch.zeros(4, 1))

    def val_dataloader(self):
        return DataLoader(torch.zeros(1, 1))


class ToyLearner(LightningModule):
    def __init__(self, spec: TaskSpec, fail: bool = False):
        super().__init__()
        self.spec = spec
        self.fail = fail
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        if self.fail:
            raise ValueError("a bug in the middle of training")
        return self.layer(batch).sum()

    def validation_step(self, batch, batch_idx):
        self.log("rate", self.spec.rate)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Evaluation(RolloutEvaluation):
    """Evaluates nothing, and notes with which seed."""

    seeds: list[int] = []

    def setup(self, trainer, pl_module, stage):
        self.seeds.append(self.seed)

    def on_validation_epoch_start(self, trainer, pl_module):
        return
