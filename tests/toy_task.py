"""A task in two lines: a visible target, two good answers (left and right of it)."""

from functools import partial

import torch
from lightning.pytorch import LightningDataModule, Trainer
from tensordict import TensorDict
from torch.utils.data import DataLoader

from lightning_modules import DiffusionPolicy, Horizons, MLPDenoiser
from robot.schema import Range, TaskSpec

SPEC = TaskSpec(
    task="toy",
    rate=10.0,
    joints=("waist", "gripper"),
    observation={"target": Range.repeat(-2.0, 2.0, 1), "clock": Range.repeat(0.0, 1.0, 2)},
    action=Range((-4.0, 0.0), (4.0, 0.1)),
)


def observations(size, to=2, target=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(size, 1, 1, generator=generator) * 2 - 1
    value = drawn if target is None else torch.full((size, 1, 1), float(target))
    fields = {"target": value.expand(size, to, 1), "clock": torch.full((size, to, 2), 0.5)}
    return TensorDict(fields, [size, to])


def windows(size, to=2, tp=4, seed=0):
    """Windows whose actions lie 2 left or 2 right of the target, with equal odds."""
    observed = observations(size, to, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1)
    side = 4.0 * torch.randint(2, (size, 1), generator=generator) - 2.0
    waist = (observed["target"][:, -1] + side).expand(size, tp)
    action = torch.stack([waist, torch.full_like(waist, 0.05)], dim=-1)
    return TensorDict({"observation": observed, "action": action}, [size])


class ToyData(LightningDataModule):
    def __init__(self, to: int = 2, tp: int = 4, size: int = 512, batch_size: int = 128) -> None:
        super().__init__()
        self.spec = SPEC
        self.to, self.tp, self.size, self.batch_size = to, tp, size, batch_size

    def train_dataloader(self):
        rows = windows(self.size, self.to, self.tp)
        return DataLoader(
            range(self.size), batch_size=self.batch_size, collate_fn=lambda i: rows[i]
        )

    def val_dataloader(self):
        rows = windows(64, self.to, self.tp, seed=9)
        return DataLoader(range(64), batch_size=64, collate_fn=lambda i: rows[i])

    test_dataloader = val_dataloader
    predict_dataloader = val_dataloader


def tiny_policy(**arguments):
    defaults = {
        "denoiser": partial(MLPDenoiser, width=64),
        "horizons": Horizons(observation=2, prediction=4, action=2),
        "warmup_steps": 20,
    }
    return DiffusionPolicy(SPEC, **{**defaults, **arguments})


def tiny_trainer(**arguments):
    quiet = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**{**quiet, **arguments})
