"""Positions, objects, environments, goals: one run of the curriculum along all four axes.

    python experiments/four_axes.py --seed 0

Cloned from demonstrations at ``point`` of FourAxes, where there is one object on one table and one
goal; from there by a sparse reward alone. Tested on every level and on the held-out part of every
axis, before and after. Rows go to docs/results/four_axes/results.json: those with ``phi`` "test"
are of checkpoints, those with "validation" were measured on the way. Resumable.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.learning_curve import learning_curve  # noqa: E402
from experiments.results import command, results_file, write_rows  # noqa: E402
from lightning_modules.policy_gradient import DEFAULT_SAMPLER  # noqa: E402

TASK = "four_axes"
RESULTS = results_file(TASK)
IDENTITY = ("task", "method", "seed", "phi", "episodes")


def main() -> None:
    """Trains where needed, tests before and after, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    training.add_seed(parser)
    args = parser.parse_args()
    runs = ROOT / "runs" / TASK
    demonstrations = {
        "class_path": "datamodules.Demonstrations",
        "init_args": {
            "path": f"data/{TASK}/point-seed{args.seed}",
            "batch_size": 256,
            "steps_per_epoch": 500,
        },
    }
    cloning = of_seed(args.seed, runs / f"beachhead-{args.seed}")
    cloning["data"]["init_args"]["sources"] = {"demonstrations": demonstrations}
    beachhead = stage("diffusion_policy", runs / f"beachhead-{args.seed}", cloning)
    begun = training.fit(beachhead, runs / f"beachhead-{args.seed}")

    run = runs / f"curriculum-{args.seed}"
    growing = of_seed(args.seed, run)
    growing["model"] = {"init_args": {"beachhead": str(begun.relative_to(ROOT))}}
    curriculum = stage("curriculum", run, growing)
    last = training.fit(curriculum, run)

    identity = {"task": TASK, "seed": args.seed}
    curve = [
        identity | {"method": "curriculum", "phi": "validation", "command": command()} | row
        for row in learning_curve(run)
    ]
    # As the curriculum begins with it: in fewer denoising steps than it is cloned with.
    sampler = json.dumps(asdict(DEFAULT_SAMPLER))
    as_begun = [*beachhead, "--model.init_args.sampler", sampler]
    before = training.evaluate(as_begun, begun, ".start") | identity
    before |= {"method": "beachhead", "phi": "test", "episodes": 0}
    after = training.evaluate(curriculum, last) | identity
    after |= {"method": "curriculum", "phi": "test", "episodes": curve[-1]["episodes"]}
    write_rows(RESULTS, [*curve, before, after], identity=IDENTITY)
    print("RESULT", json.dumps(after))


def of_seed(seed: int, run: Path) -> dict[str, Any]:
    """What a run changes in the configs, whatever its stage."""
    logger = {"name": str(run.relative_to(ROOT / "runs")), "version": ""}
    return {
        "seed_everything": seed,
        "data": {"init_args": {"seed": seed}},
        "trainer": {"logger": {"init_args": logger}},
    }


def stage(name: str, run: Path, changed: dict[str, Any]) -> list[str]:
    """Arguments of ``train.py`` for a stage."""
    files = [f"configs/{task}/{name}.yaml" for task in ("pick_banana", TASK)]
    words = [word for file in files for word in ("--config", file)]
    return [*words, *training.configure(run, changed)]


if __name__ == "__main__":
    main()
