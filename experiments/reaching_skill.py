"""The skill of the cheap family: a diffusion policy that goes where a target is seen.

    python experiments/reaching_skill.py --seed 0     # some ten seconds

Cloned from made-up demonstrations over the whole of where a target may be, seen or believed.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from tensordict import TensorDict
from torch import Tensor
from torch.utils.data import DataLoader

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from datamodules.hidden_reach import AROUND, CENTER, REACH, SPEC, HiddenReach  # noqa: E402
from experiments import training  # noqa: E402
from lightning_modules import DiffusionPolicy, Horizons, MLPDenoiser, Sampler  # noqa: E402
from robot.simulation.point import HOME, SPEED, START_JITTER  # noqa: E402

HORIZONS = Horizons(observation=1, prediction=8, action=8)
DEMONSTRATIONS = 4096
EARLY = range(10, 100)  # optimiser steps after which the skill is kept: it is learnt in these
FAR = AROUND + REACH + 0.02  # from the center each way, m


def main() -> None:
    """Trains where needed and says where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    training.add_seed(parser)
    args = parser.parse_args()
    print(checkpoint(args.seed))


def checkpoint(seed: int, steps: int = 2_000) -> Path:
    """Where the skill of a seed is; trained if there is none."""
    folder = ROOT / "runs" / "reaching_skill" / str(seed)
    path = folder / "last.ckpt"
    if not path.is_file():
        learner = train(seed, steps, folder)
        learner.trainer.save_checkpoint(path)
    return path


def on_the_way(seed: int) -> list[Path]:
    """Its checkpoints while it was cloned, the last included, in order."""
    last = checkpoint(seed)
    return [*sorted(last.parent.glob("step=*.ckpt")), last]


def train(seed: int, steps: int, folder: Path) -> DiffusionPolicy:
    """Clones for some optimiser steps."""
    seed_everything(seed, verbose=False)
    learner = DiffusionPolicy(
        SPEC,
        partial(MLPDenoiser, width=128),
        HORIZONS,
        sampler=Sampler(num_steps=10, temperature=0.3),
        condition_dropout=0.1,  # so that it can be guided
    )
    trainer = Trainer(
        max_steps=steps,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[EarlyCheckpoints(folder)],
    )
    trainer.fit(learner, Reaching(seed))
    return learner


class EarlyCheckpoints(Callback):
    """Keeps the skill as it was while it was learnt.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """After each of the optimiser's first steps."""
        if trainer.global_step in EARLY:
            trainer.save_checkpoint(self.folder / f"step={trainer.global_step:05d}.ckpt")


class Reaching(LightningDataModule):
    """Windows at the decisions of one who goes straight for the target, and waits there.

    Args:
        seed: of the demonstrations.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def train_dataloader(self) -> DataLoader[TensorDict]:
        """Shuffled windows ``[B]``."""
        rows = windows(DEMONSTRATIONS, torch.Generator().manual_seed(self.seed))
        return DataLoader(
            range(len(rows)),  # pyright: ignore[reportArgumentType]
            batch_size=256,
            shuffle=True,
            collate_fn=lambda i: rows[torch.tensor(i)],
        )


def windows(count: int, generator: torch.Generator) -> TensorDict:
    """What is seen at each decision of ``count`` demonstrations, and the actions from there on."""

    def draw(center: tuple[float, float], reach: float) -> Tensor:
        return torch.tensor(center) + reach * (2 * torch.rand(count, 2, generator=generator) - 1)

    target, point = draw(CENTER, FAR), draw(HOME, START_JITTER)
    found: list[TensorDict] = []
    for _ in range(HiddenReach.max_steps // HORIZONS.action):
        path = straight(point, target, HORIZONS.prediction)
        seen = {
            "point": point,
            "target": target,
            "offset": target - point,
            "last_command": point,
        }
        window = TensorDict({"action": path}, [count])
        window["observation"] = TensorDict({k: v[:, None] for k, v in seen.items()}, [count, 1])
        found.append(window)
        point = path[:, HORIZONS.action - 1]
    return cast("TensorDict", TensorDict.cat(found))


def straight(point: Tensor, target: Tensor, steps: int) -> Tensor:
    """Commands on the way from one to the other at full speed, ``[B, steps, 2]``."""
    away = target - point
    far = away.norm(dim=-1, keepdim=True)
    gone = (SPEED * torch.arange(1, steps + 1)[:, None] / far[:, None].clamp(min=1e-9)).clamp(max=1)
    return point[:, None] + gone * away[:, None]


if __name__ == "__main__":
    main()
