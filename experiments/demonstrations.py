"""What demonstrations alone bring, by where they are and how many: one cloned policy.

    python experiments/demonstrations.py --where table --count 128 --seed 0

Demonstrations are recorded on one phi set, cloned by configs/pick_banana/diffusion_policy.yaml (of
another task with what it changes) and tested on all sets. ``table`` is what the curriculum is
compared with: a person who demonstrates everywhere. ``point`` is the beachhead of another task.
``point_from_home`` starts every demonstration in the same pose; ``one_point`` has a single task
parameter. Rows go to docs/results/curriculum/results.json. Resumable.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.results import CURRICULUM_IDENTITY, results_file, write_rows  # noqa: E402
from lightning_modules.slim_checkpoint import write_slim  # noqa: E402
from robot.episodes import EpisodeStore  # noqa: E402

STAGE = "diffusion_policy"
EPOCHS = 10  # of the config
FROM_HOME = {"start_spread": 0.0, "start_yaw": 0.0}
# By name: the phi set, and the operator's style where it is not the usual one.
WHERE: dict[str, tuple[str, dict[str, float]]] = {
    "point": ("point", {}),
    "point_from_home": ("point", FROM_HOME),
    "one_point": ("one_point", {}),
    "table": ("table", {}),
}


def main() -> None:
    """Trains where needed, tests, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=training.TASKS, default=training.TASKS[0])
    parser.add_argument("--where", choices=WHERE, default="table")
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of 500 steps")
    training.add_seed(parser)
    args = parser.parse_args()
    if args.count < 2 or args.epochs < 1:
        parser.error(f"count is {args.count} (at least 2) and epochs {args.epochs} (at least 1)")
    if args.where == "one_point" and args.task != training.TASKS[0]:
        parser.error(f"one_point is a set of {training.TASKS[0]}, not of {args.task}")
    name = run_name(args.task, args.where, args.count, args.seed, args.epochs)
    run = ROOT / "runs" / "demonstrations" / name
    store = (
        ROOT / "data" / "demonstrations" / run_name(args.task, args.where, args.count, args.seed)
    )
    changed = overrides(args.where, args.count, args.seed, store, run)
    changed["trainer"]["max_epochs"] = args.epochs
    configs = [*training.configs(STAGE, args.task), *training.configure(run, changed)]
    last = training.fit(configs, run)
    tested = training.evaluate(configs, last)
    identity = {
        "task": args.task,
        "study": "demonstrations",
        "method": f"cloning_{args.where}",
        "seed": args.seed,
        "demonstrations": args.count,
        "epochs": args.epochs,
    }
    seconds = EpisodeStore.open(store).total_seconds()
    driven = {"episodes": 0, "driven_s": round(seconds["human"] + seconds["scripted"], 1)}
    row = identity | tested | driven
    results = results_file("curriculum")
    write_rows(results, [row], identity=CURRICULUM_IDENTITY)
    write_slim(last, results.parent / "checkpoints" / "beachheads" / f"{name}.ckpt")
    print("RESULT", json.dumps(row))


def run_name(task: str, where: str, count: int, seed: int, epochs: int = EPOCHS) -> str:
    """Of a run and, with the usual epochs, of its demonstrations."""
    name = f"{where}-{count}-{seed}"
    name = name if task == training.TASKS[0] else f"{task}-{name}"
    return name if epochs == EPOCHS else f"{name}-{epochs}"


def overrides(where: str, count: int, seed: int, store: Path, run: Path) -> dict[str, Any]:
    """What differs from the config of the main job."""
    phi_set, style = WHERE[where]
    base = yaml.safe_load((ROOT / training.configs(STAGE, training.TASKS[0])[1]).read_text())
    source: dict[str, Any] = base["data"]["init_args"]["sources"]["demonstrations"]
    source["init_args"] |= {"path": str(store), "num_episodes": count}
    if style:
        source["init_args"]["style"] = style
    data: dict[str, Any] = {
        "init_args": {"seed": seed, "phi_set": phi_set, "sources": {"demonstrations": source}}
    }
    if phi_set == "one_point":
        data["class_path"] = "experiments.one_point.PickBananaAtOnePoint"
    name = f"demonstrations/{run.name}"
    callbacks: list[dict[str, Any]] = base["trainer"]["callbacks"]
    for callback in callbacks:
        if callback["class_path"] == "callbacks.RolloutEvaluation":
            callback["init_args"]["test_episodes"] = 512
    return {
        "seed_everything": seed,
        "data": data,
        "trainer": {
            "callbacks": callbacks,
            "logger": {"init_args": {"name": name, "version": ""}},
        },
    }


if __name__ == "__main__":
    main()
