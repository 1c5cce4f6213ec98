"""How well a cloned policy predicts the actions of a person it has not seen act.

    python experiments/recorded.py --lerobot ../shared/data/so101_pick_cube

Trains by configs/recorded/diffusion_policy.yaml, once for each episode, on all others, and
compares the chunk predicted at every step of the episode left out with what the person did.
Two predictors without learning are the measure: to hold the last command, and to continue at the
last velocity of commands. An action i steps ahead is due i / rate seconds after the observation;
between steps, actions are interpolated. The error is the mean over joints, steps and episodes of
the absolute difference, in the dataset's units.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from tensordict import TensorDict
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from datamodules import RecordedTask  # noqa: E402
from datamodules.windows import WindowSampler, WindowStorage  # noqa: E402
from experiments import training  # noqa: E402
from experiments.results import (  # noqa: E402
    Stopwatch,
    command,
    machine,
    results_file,
    write_rows,
)
from lightning_modules import DiffusionPolicy  # noqa: E402
from lightning_modules.checkpoint import read_checkpoint  # noqa: E402
from robot.schema import ACTION, OBSERVATION  # noqa: E402
from train import main as train  # noqa: E402

CONFIG = "configs/recorded/diffusion_policy.yaml"
SECONDS = (0.25, 0.5)


def main() -> None:
    """Runs all leave-one-out splits, prints a table and a RESULT line, writes the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--lerobot", required=True, help="folder of a LeRobotDataset v3.0")
    training.add_seed(parser)
    args = parser.parse_args()
    started_with = command()
    sys.argv = sys.argv[:1]  # Lightning warns of arguments that are not its own
    watch = Stopwatch()
    store = RecordedTask(lerobot=args.lerobot).store
    errors: dict[str, list[Tensor]] = {}
    for episode in store.ids:
        policy = fit(args.lerobot, episode, args.seed)
        windows = all_windows(store.load(episode), policy)
        for method, chunk in predictions(windows, policy).items():
            errors.setdefault(method, []).append(error(chunk, windows.get(ACTION), store.spec.rate))
    rows = [
        {
            "task": store.spec.task,
            "method": method,
            "seed": args.seed,
            "command": started_with,
            "config": CONFIG,
            **metrics(torch.stack(splits)),
            **watch.read(),
            **machine(),
        }
        for method, splits in errors.items()
    ]
    write_rows(results_file("recorded"), rows)
    Console().print(table(rows))
    result = {k: v for k, v in rows[0].items() if k not in ("task", "method", "command")}
    for row in rows[1:]:
        for seconds in SECONDS:
            result[f"{row['method']}/error/{seconds}s"] = row[f"error/{seconds}s"]
    print("RESULT", json.dumps(result))


def fit(lerobot: str, held_out: int, seed: int) -> DiffusionPolicy:
    """Trains on all episodes but one; the weights after the last step, averaged."""
    with tempfile.TemporaryDirectory() as folder:
        train(
            [
                "fit",
                *("--config", str(ROOT / CONFIG)),
                *("--data.init_args.lerobot", lerobot),
                *("--data.init_args.validation", f"[{held_out}]"),
                *("--seed_everything", str(seed)),
                *("--trainer.logger", "false"),
                *("--trainer.default_root_dir", folder),
            ]
        )
        (checkpoint,) = Path(folder).rglob("*.ckpt")
        return DiffusionPolicy.rebuild(read_checkpoint(checkpoint)).eval()


def all_windows(episode: TensorDict, policy: DiffusionPolicy) -> TensorDict:
    """The windows of an episode whose chunk does not reach beyond its end."""
    horizons, steps = policy.horizons, len(episode)
    sampler = WindowSampler([steps], horizons.observation, horizons.prediction, seed=0)
    storage = WindowStorage([episode], policy.spec.needed_fields, horizons.observation)
    return storage.get(sampler.rows(torch.arange(steps - horizons.prediction + 1)))


@torch.inference_mode()
def predictions(windows: TensorDict, policy: DiffusionPolicy) -> dict[str, Tensor]:
    """Chunks ``[B, Tp, A]`` by method."""
    observation = windows.get(OBSERVATION)
    last = observation.get("last_command")[:, -1:]  # [B, 1, A]
    velocity = observation.get("command_change")[:, -1:]  # [B, 1, A] a step
    ahead = torch.arange(1, policy.horizons.prediction + 1)[None, :, None]
    return {
        "diffusion_policy": policy.predict_chain(observation)[-1],
        "hold": last.expand(windows.get(ACTION).shape),
        "velocity": last + ahead * velocity,
    }


def error(chunk: Tensor, target: Tensor, rate: float) -> Tensor:
    """Mean absolute error of chunks ``[B, Tp, A]`` at ``SECONDS``, one number each."""

    def at(actions: Tensor, seconds: float) -> Tensor:
        step, rest = divmod(seconds * rate, 1)
        after = min(int(step) + 1, actions.shape[1] - 1)
        return torch.lerp(actions[:, int(step)], actions[:, after], rest)

    return torch.stack([(at(chunk, s) - at(target, s)).abs().mean() for s in SECONDS])


def metrics(splits: Tensor) -> dict[str, float]:
    """Errors ``[episodes, SECONDS]`` as flat metrics: the mean, and each episode's."""
    flat: dict[str, float] = {}
    for i, seconds in enumerate(SECONDS):
        flat[f"error/{seconds}s"] = round(float(splits[:, i].mean()), 3)
        flat[f"error/{seconds}s/n"] = len(splits)
        for episode, value in enumerate(splits[:, i].tolist()):
            flat[f"error/{seconds}s/episode_{episode}"] = round(value, 3)
    return flat


def table(rows: list[dict[str, Any]]) -> Table:
    """Methods against seconds ahead; the range over episodes in brackets."""
    title = f"mean absolute joint error, {rows[0]['error/0.25s/n']} leave-one-out splits"
    shown = Table("method", *(f"{s} s ahead" for s in SECONDS), title=title)
    for row in rows:
        cells = []
        for s in SECONDS:
            each = [v for k, v in row.items() if k.startswith(f"error/{s}s/episode")]
            cells.append(f"{row[f'error/{s}s']:.2f} ({min(each):.2f} to {max(each):.2f})")
        shown.add_row(row["method"], *cells)
    return shown


if __name__ == "__main__":
    main()
