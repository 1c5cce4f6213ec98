"""One beachhead: demonstrations at a point, a cloned policy, its success as training goes on.

    python experiments/beachhead.py --denoiser mlp --seed 0

Every seed has its own 32 demonstrations, initial weights and order of data. Fits by
configs/pick_banana/diffusion_policy.yaml and tests every checkpoint on the four phi sets, with
task parameters that are the same for all. Rows go to docs/results/denoisers/results.json, and
for the default denoiser the last one also to docs/results/demo/results.json. Resumable: what is
in runs/beachhead/ is not done again, so remove that folder after a change of the code.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDict

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.results import results_file, write_rows  # noqa: E402
from lightning_modules import load_policy  # noqa: E402
from lightning_modules.slim_checkpoint import write_slim  # noqa: E402

CONFIG = "configs/pick_banana/diffusion_policy.yaml"
DENOISERS = ("mlp", "unet", "transformer")
DEFAULT = "mlp"


def main() -> None:
    """Trains where needed, tests, saves, prints the RESULT line of the last checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--denoiser", choices=DENOISERS, default=DEFAULT)
    training.add_seed(parser)
    args = parser.parse_args()
    run = ROOT / "runs" / "beachhead" / f"{args.denoiser}-{args.seed}"
    configs = [CONFIG]
    if args.denoiser != DEFAULT:
        configs.append(f"configs/pick_banana/denoiser_{args.denoiser}.yaml")
    arguments = [
        *(word for config in configs for word in ("--config", config)),
        *("--seed_everything", str(args.seed), "--data.init_args.seed", str(args.seed)),
        "--data.init_args.sources.demonstrations.init_args.path",
        f"data/pick_banana/point-seed{args.seed}",
    ]
    training.fit([*arguments, *logging_to(run)], run)
    result: dict[str, Any] = {}
    for checkpoint in sorted(run.glob("checkpoints/epoch=*.ckpt"), key=epoch):
        identity = {
            "task": "pick_banana",
            "method": args.denoiser,
            "seed": args.seed,
            "epoch": epoch(checkpoint),
        }
        result = identity | training.evaluate(arguments, checkpoint)
        result["chunk_ms"] = chunk_ms(checkpoint)
        write_rows(results_file("denoisers"), [result], identity=tuple(identity))
    if args.denoiser == DEFAULT:
        row = {k: v for k, v in result.items() if k != "epoch"} | {"method": "diffusion_policy"}
        write_rows(results_file("demo"), [row])
        kept = results_file("demo").parent / "checkpoints" / f"beachhead-{args.seed}.ckpt"
        write_slim(run / "checkpoints" / "last.ckpt", kept)
        if args.seed == 0:
            for picture, name in (("heatmap.png", "heatmap.png"), ("video.gif", "rollout.gif")):
                shutil.copy(run / "rollout" / picture, results_file("demo").with_name(name))
    print("RESULT", json.dumps(result))


def epoch(checkpoint: Path) -> int:
    """Epochs of training behind a checkpoint."""
    return int(checkpoint.stem.removeprefix("epoch=")) + 1


def logging_to(run: Path) -> list[str]:
    """What makes ``run`` the run's folder, with a checkpoint every two epochs."""
    keep = {
        "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
        "init_args": {"every_n_epochs": 2, "save_top_k": -1, "filename": "{epoch}"},
    }
    return [
        *("--trainer.logger.init_args.name", f"beachhead/{run.name}"),
        *("--trainer.logger.init_args.version", ""),
        *("--trainer.callbacks+", json.dumps(keep)),
    ]


def chunk_ms(checkpoint: Path, repeats: int = 30) -> float:
    """Milliseconds of CPU time for one action chunk at batch 1 on one thread, the median."""
    torch.set_num_threads(1)
    policy = load_policy(checkpoint)
    observations = TensorDict(
        {
            name: torch.zeros(1, policy.observation_horizon, len(policy.spec.observation[name]))
            for name in policy.spec.needed_fields
        },
        batch_size=[1, policy.observation_horizon],
    )
    times: list[float] = []
    for _ in range(repeats):
        start = time.thread_time()
        policy(observations)
        times.append(1e3 * (time.thread_time() - start))
    return round(sorted(times)[repeats // 2], 3)


if __name__ == "__main__":
    main()
