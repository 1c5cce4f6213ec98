"""A learner and rollouts whose outcome is known, on the real task; every part quick."""

from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensordict import TensorDict
from torch.utils.data import DataLoader

from datamodules.pick_banana import PickBanana
from datamodules.sources import Source
from lightning_modules.diffusion import Schedule
from lightning_modules.horizons import Horizons

STEPS = 5


class ToySource(Source):
    def setup(self, *args, **kwargs):
        pass

    def train_loader(self):
        return DataLoader(torch.zeros(3, 1))

    def validation_loader(self):
        return DataLoader(torch.zeros(1, 1))


class ToyTask(PickBanana):
    def __init__(self, phi_set="near"):
        super().__init__(phi_set, {"toy": ToySource()})
        self.environments = []

    def environment(self, num_envs, seed=0, num_threads=1):
        self.environments.append(super().environment(num_envs, seed, num_threads))
        return self.environments[-1]

    def test_dataloader(self):
        return self.val_dataloader()


class ToyLearner(LightningModule):
    """Its loss draws from torch's global generator, as a careless learner's would."""

    def __init__(self):
        super().__init__()
        self.horizons = Horizons(observation=2, prediction=4, action=2)
        self.schedule = Schedule()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(torch.randn(8, 4)).square().mean()

    def validation_step(self, batch, batch_idx):
        pass

    def test_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.1)

    def predict_chain(self, observations, generator=None):
        noise = torch.randn(len(observations), self.horizons.prediction, 7, generator=generator)
        return torch.stack([noise, noise / 2, noise / 4])

    def forward(self, observations, generator=None):
        return self.predict_chain(observations, generator)[-1, :, : self.horizons.action]


class ToyRollout:
    """Succeeds left of straight ahead; keeps how it was called."""

    def __init__(self):
        self.calls = []

    def __call__(self, env, policy, phi, seed, record=False, on_batch=None):
        self.calls.append({"phi": phi, "seed": seed, "policy": policy, "num_envs": env.num_envs})
        n = len(phi)
        if on_batch is not None:
            on_batch(n)
        out = TensorDict(
            {"success": phi[:, 1] > 0, "length": torch.full((n,), STEPS), "phi": phi}, [n]
        )
        if record:
            env.reset()
            out["state"] = env.physics_state[:1, None].expand(n, STEPS + 1, -1)
            out["trajectory"] = TensorDict(
                {"observation": {"x": torch.arange(STEPS).expand(n, -1)[..., None]}}, [n, STEPS]
            )
        return out


def toy_trainer(folder, *callbacks, max_epochs=1, **kwargs):
    settings = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": TensorBoardLogger(folder),
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    return Trainer(callbacks=list(callbacks), max_epochs=max_epochs, **{**settings, **kwargs})


def events(trainer):
    """What TensorBoard would show of a run."""
    accumulator = EventAccumulator(str(Path(trainer.logger.log_dir)))
    accumulator.Reload()
    return accumulator
