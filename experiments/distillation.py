"""A small teacher boots a larger student (AdA, 2301.07608): one run of one method.

    python experiments/distillation.py --method reverse_distillation --seed 0

The student has more than four times the teacher's parameters, and starts from its own clone of the
demonstrations at ``point``. With ``reverse_distillation`` it acts on the whole table and learns
what the generalist of study ``table`` under the same seed, its teacher, would do there; with
``without_teacher`` the curriculum takes it there by reward, as it took its teacher. Tested on task
parameters that are never trained on. Rows go to docs/results/distillation/results.json: those with
``phi`` "test" are of checkpoints, those with "validation" were measured on the way, by environment
steps. Resumable.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.learning_curve import learning_curve  # noqa: E402
from experiments.results import command, results_file, write_rows  # noqa: E402

TASK = "pick_banana"
RESULTS = results_file("distillation")
IDENTITY = ("task", "method", "seed", "phi", "episodes")
RATE = 10  # environment steps a second
STAGES = {"reverse_distillation": "distillation", "without_teacher": "curriculum"}


def main() -> None:
    """Trains where needed, tests, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=STAGES, default="reverse_distillation")
    training.add_seed(parser)
    args = parser.parse_args()
    teacher = f"docs/results/curriculum/checkpoints/curriculum-{args.seed}.ckpt"
    if not (ROOT / teacher).is_file():
        parser.error(f"there is no teacher of seed {args.seed}: no {teacher}")
    shared = {"task": TASK, "seed": args.seed}
    beachhead = clone(args.seed)
    stage = STAGES[args.method]
    run = ROOT / "runs" / "distillation" / f"{args.method}-{args.seed}"
    given: dict[str, Any] = {"beachhead": str(beachhead.relative_to(ROOT))}
    if args.method == "reverse_distillation":
        given["teacher"] = teacher
    changed = {
        "seed_everything": args.seed,
        "data": {"init_args": {"seed": args.seed}},
        "model": {"init_args": given},
        "trainer": {"logger": {"init_args": named(run)}},
    }
    arguments = [*training.configs(stage, TASK), *training.configure(run, changed)]
    last = training.fit(arguments, run)
    identity = shared | {"method": args.method}
    curve = [
        identity | {"phi": "validation", "command": command()} | with_steps(row)
        for row in learning_curve(run)
    ]
    tested = training.evaluate(arguments, last) | identity
    tested |= {"phi": "test", "episodes": curve[-1]["episodes"], "steps": curve[-1]["steps"]}
    rated = training.evaluate(training.configs("curriculum", TASK), ROOT / teacher, ".teacher")
    rated |= shared | {"method": "teacher", "phi": "test", "episodes": 0}
    write_rows(RESULTS, [*curve, tested, rated], identity=IDENTITY)
    print("RESULT", json.dumps(tested))


def clone(seed: int) -> Path:
    """The student's beachhead: cloned from the demonstrations its teacher began with."""
    run = ROOT / "runs" / "distillation" / f"clone-{seed}"
    source = {
        "class_path": "datamodules.Demonstrations",
        "init_args": {
            "path": f"data/{TASK}/point-seed{seed}",
            "batch_size": 256,
            "steps_per_epoch": 500,
        },
    }
    changed = {
        "seed_everything": seed,
        "data": {"init_args": {"seed": seed, "sources": {"demonstrations": source}}},
        "trainer": {"logger": {"init_args": named(run)}},
    }
    arguments = [
        *training.configs("diffusion_policy", TASK),
        *("--config", f"configs/{TASK}/large.yaml"),
        *training.configure(run, changed),
    ]
    return training.fit(arguments, run)


def named(run: Path) -> dict[str, str]:
    """What makes the logger write to a run's folder."""
    return {"name": str(run.relative_to(ROOT / "runs")), "version": ""}


def with_steps(row: dict[str, Any]) -> dict[str, Any]:
    """An evaluation with the environment steps that attempts had taken by then."""
    return {"episodes": 0, **row, "steps": round(row.get("robot_s", 0.0) * RATE)}


if __name__ == "__main__":
    main()
