"""A meta-learner goes on by reward alone, where more is hidden than it has seen: one run.

    python experiments/lifetime_curriculum.py --task hidden_reach --method meta_learner_rl --seed 0

``start`` learns from lifetimes on a set in which half as much is hidden (``near``), and is tested
where all is (``wide``). From there ``meta_learner_rl`` learns from its own lifetimes while a
curriculum lets the set grow, ``uniform`` from as many that are on the whole set at once. Tested on
task parameters that are never trained on, beside a reference. Rows go to
docs/results/adaptation/results.json: those with ``phi`` "test" are of checkpoints, those with
"validation" were measured on the way. Resumable.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import reaching_skill, training  # noqa: E402
from experiments.results import results_file, write_rows  # noqa: E402

FAMILIES = ("hidden_reach", "bumped_camera")
STUDY = "lifetime_curriculum"
RESULTS = results_file("adaptation")
IDENTITY = ("task", "study", "method", "seed", "phi")
# What the curriculum is in the place of the config's.
AT_ONCE = {"class_path": "callbacks.Timetable", "init_args": {"iterations": 0}}
METHODS = {"start": None, "meta_learner_rl": None, "uniform": AT_ONCE}


def main() -> None:
    """Makes lifetimes, trains, tests, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=FAMILIES, default=FAMILIES[0])
    parser.add_argument("--method", choices=METHODS, default="meta_learner_rl")
    training.add_seed(parser)
    args = parser.parse_args()
    skill = skill_of(args.task, args.seed)
    arguments, last = start(args.task, args.seed, skill)
    if args.method != "start":
        arguments, last = learn(args.task, args.method, args.seed, last, skill)
    row = training.evaluate([*arguments, "--data.init_args.phi_set", "wide"], last)
    identity = {"task": args.task, "study": STUDY, "method": args.method, "seed": args.seed}
    row |= identity | {"phi": "test"}
    write_rows(RESULTS, [row], identity=IDENTITY)
    print("RESULT", json.dumps(row))


def skill_of(task: str, seed: int) -> str:
    """The checkpoint of the skill that searches, from the repository's root."""
    if task == FAMILIES[0]:
        return str(reaching_skill.checkpoint(seed).relative_to(ROOT))
    return f"docs/results/curriculum/checkpoints/curriculum-{seed}.ckpt"


def start(task: str, seed: int, skill: str) -> tuple[list[str], Path]:
    """The meta-learner of the smaller set: arguments to test it by, and its checkpoint."""
    name = f"{STUDY}/{task}-start-{seed}"
    run = ROOT / "runs" / name
    source: dict[str, Any] = {
        "class_path": "datamodules.Lifetimes",
        "init_args": {"path": f"data/{name}", "steps_per_epoch": 500},
    }
    shared: dict[str, Any] = {
        "seed_everything": seed,
        "data": {"init_args": {"seed": seed, "phi_set": "near", "sources": {"lifetimes": source}}},
    }
    making = [
        *training.configs("lifetimes", task, "wanted_object"),
        *training.configure(run / "lifetimes", shared),
    ]
    training.predict(making, ROOT / skill)
    learning = shared | {
        "model": {"init_args": {"skill": skill}},
        "trainer": {"logger": {"init_args": {"name": name, "version": ""}}},
    }
    arguments = [
        *training.configs("meta_learner", task, "wanted_object"),
        *training.configure(run, learning),
    ]
    return arguments, training.fit(arguments, run)


def learn(task: str, method: str, seed: int, begun: Path, skill: str) -> tuple[list[str], Path]:
    """What becomes of it by reward: arguments to test it by, and its checkpoint."""
    name = f"{STUDY}/{task}-{method}-{seed}"
    run = ROOT / "runs" / name
    files = ["configs/hidden_reach/lifetime_gradient.yaml"]
    if task != FAMILIES[0]:
        files.append(f"configs/{task}/lifetime_gradient.yaml")
    callbacks = training.callbacks_beside(ROOT / files[-1], skill)
    growing = next(c for c in callbacks if c["class_path"] == "callbacks.Curriculum")
    growing["init_args"]["strategy"] = METHODS[method] or growing["init_args"]["strategy"]
    changes = {
        "seed_everything": seed,
        "data": {"init_args": {"seed": seed}},
        "model": {"init_args": {"meta_learner": str(begun.relative_to(ROOT))}},
        "trainer": {"callbacks": callbacks, "logger": {"init_args": {"name": name, "version": ""}}},
    }
    arguments = [word for file in files for word in ("--config", file)]
    arguments += training.configure(run, changes)
    return arguments, training.fit(arguments, run)


if __name__ == "__main__":
    main()
