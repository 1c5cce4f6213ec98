"""From one position to many by a sparse reward: one run of one study.

    python experiments/curriculum.py --study table --method curriculum --seed 0

``table`` takes the beachhead to the whole table. ``comparison`` gives every method the same 6,000
episodes to reach ``wide``. ``gate`` widens by a step that is too large, with and without the gate,
and in small steps. Each run starts at the beachhead that experiments/beachhead.py, or for another
task experiments/demonstrations.py, made under the same seed (or trains it), fits by
configs/pick_banana/curriculum.yaml with what study and method change, and tests its
checkpoints on task parameters that are never trained on. Rows go to
docs/results/curriculum/results.json: those with ``phi`` "test" are of checkpoints, those with
"validation" were measured on the way, on other task parameters. Resumable: a run goes on from its
last checkpoint, and what was tested is not tested again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.demonstrations import run_name  # noqa: E402
from experiments.learning_curve import learning_curve  # noqa: E402
from experiments.results import (  # noqa: E402
    CURRICULUM_IDENTITY,
    command,
    results_file,
    write_rows,
)
from lightning_modules.policy_gradient import DEFAULT_SAMPLER  # noqa: E402
from lightning_modules.slim_checkpoint import write_slim  # noqa: E402

STAGE = "curriculum"
RESULTS = results_file("curriculum")


@dataclass(frozen=True)
class Study:
    """What all runs of a study share.

    Attributes:
        methods: those it has.
        whole: the largest phi set.
        budget: episodes, tries of rings included.
        evaluated: iterations between two evaluations on the way.
    """

    methods: tuple[str, ...]
    whole: str
    budget: int
    evaluated: int = 10


# As the config has it.
BOUNDARY = {
    "class_path": "callbacks.BoundaryExpansion",
    "init_args": {"widen": 0.6, "attempts": 24},
}
STRATEGIES: dict[str, dict[str, Any]] = {
    "curriculum": BOUNDARY,
    "learnability": {"class_path": "callbacks.Learnability"},
    "level_replay": {"class_path": "callbacks.LevelReplay"},
    "no_op_filter": {"class_path": "callbacks.NoOpFilter"},
    "timetable": {"class_path": "callbacks.Timetable", "init_args": {"iterations": 12}},
    "no_curriculum": {"class_path": "callbacks.Timetable", "init_args": {"iterations": 0}},
}
# The first set is all there is: what practising what it can already do is worth.
PRACTICE = "practice"

# Other objectives, all under the same curriculum, and starts from random weights.
OBJECTIVES = {
    "filtered_cloning": "lightning_modules.FilteredCloning",
    "reward_weighted": "lightning_modules.RewardWeighted",
    "reinforce": "lightning_modules.Reinforce",
    "reinforce_from_scratch": "lightning_modules.Reinforce",
}
# Cloning changes every denoising step, and random weights are worth freezing nowhere.
CLONING = ("filtered_cloning", "reward_weighted")
WHOLE_CHAIN = (*CLONING, "from_scratch", "reinforce_from_scratch")
# Cloning has no ratio to keep near 1, and learns more of an iteration the longer it looks at it.
CLONING_PASSES = 10
# Other demonstrations: what experiments/demonstrations.py calls them.
STARTS = {"curriculum_one_point": "one_point", "curriculum_from_home": "point_from_home"}
# A step to where nothing succeeds, from the beachhead whose demonstrations all start at home: with
# and without the gate, and the same way in small steps. By name: the strategy, and the gate.
TOO_LARGE = {"class_path": "experiments.far_corner.TooLargeStep"}
GATES = {"gate": (TOO_LARGE, True), "gate_off": (TOO_LARGE, False), "small_steps": (BOUNDARY, True)}
STUDIES = {
    "table": Study(("curriculum", "no_curriculum", PRACTICE, *STARTS), "table", 15_000),
    "comparison": Study((*STRATEGIES, *OBJECTIVES, "from_scratch"), "wide", 6_000, evaluated=6),
    "gate": Study(tuple(GATES), "table", 6_000, evaluated=4),
}
METHODS = tuple(dict.fromkeys(m for study in STUDIES.values() for m in study.methods))
# Where their last checkpoints are committed, by study.
KEPT = {
    "table": "checkpoints",
    "comparison": "checkpoints/comparison",
    "gate": "checkpoints/gate",
}


def main() -> None:
    """Trains where needed, tests, saves, prints the RESULT line of the last checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=training.TASKS, default=training.TASKS[0])
    parser.add_argument("--study", choices=STUDIES, default="table")
    parser.add_argument("--method", choices=METHODS, default="curriculum")
    training.add_seed(parser)
    args = parser.parse_args()
    methods = STUDIES[args.study].methods
    if args.method not in methods:
        parser.error(f"study {args.study} has the methods {', '.join(methods)}, not {args.method}")
    if args.task != training.TASKS[0] and (args.study != "table" or args.method in STARTS):
        parser.error(
            f"{args.task} has the study table alone, with curriculum, no_curriculum and {PRACTICE}"
        )
    name = f"{args.study}-{args.method}-{args.seed}"
    usual = args.task == training.TASKS[0]
    run = ROOT / "runs" / "curriculum" / (name if usual else f"{args.task}-{name}")
    changed = overrides(args.task, args.study, args.method, args.seed, run)
    configs = [*training.configs(STAGE, args.task), *training.configure(run, changed)]
    last = training.fit(configs, run)
    identity = {
        "task": args.task,
        "study": args.study,
        "method": args.method,
        "seed": args.seed,
    }
    on_the_way = [row | {"command": command()} for row in learning_curve(run)]
    rows = [identity | {"phi": "validation"} | row for row in on_the_way]
    if start := changed["model"]["init_args"].get("beachhead"):
        begun = training.evaluate(as_it_starts(args.task, changed), ROOT / start, ".start")
        effortless = {"episodes": 0, "robot_s": 0.0, "iterations": 0}
        rows.append(begun | effortless | {"phi": "test"} | identity)
    tested = training.evaluate(configs, last) | effort(last)
    rows.append(tested | {"phi": "test"} | identity)
    write_rows(RESULTS, rows, identity=CURRICULUM_IDENTITY)
    rings = [identity | {"study": "rings"} | ring | {"command": command()} for ring in tried(last)]
    if args.study != "comparison":
        write_rows(RESULTS, rings, identity=CURRICULUM_IDENTITY)
    if args.study == "table" and usual and args.method == "curriculum" and args.seed == 0:
        shutil.copy(run / "curriculum" / "growth.gif", RESULTS.with_name("growth.gif"))
    folder = RESULTS.parent / KEPT[args.study] / ("" if usual else args.task)
    write_slim(last, folder / f"{args.method}-{args.seed}.ckpt")
    print("RESULT", json.dumps(rows[-1]))


def overrides(task: str, study: str, method: str, seed: int, run: Path) -> dict[str, Any]:
    """What the study and the method change in the curriculum's config."""
    wanted = STUDIES[study]
    base = yaml.safe_load((ROOT / training.configs(STAGE, training.TASKS[0])[1]).read_text())
    callbacks: list[dict[str, Any]] = base["trainer"]["callbacks"]
    for callback in callbacks:
        args: dict[str, Any] = callback.setdefault("init_args", {})
        match callback["class_path"]:
            case "callbacks.Curriculum":
                args |= {"whole": wanted.whole, "strategy": STRATEGIES.get(method, BOUNDARY)}
                if method == PRACTICE:
                    args |= {"whole": "point", "strategy": STRATEGIES["no_curriculum"]}
                if method in GATES:
                    args |= dict(zip(("strategy", "gate"), GATES[method], strict=True))
            case "callbacks.RolloutCollection":
                args["budget"] = wanted.budget
            case "callbacks.DivergenceGuard":
                args["collapse"] = 0.0  # a method that unlearns is a result
            case "callbacks.RolloutEvaluation":
                args["every_n_epochs"] = wanted.evaluated
            case _:
                pass
    model: dict[str, Any] = {}
    data: dict[str, Any] = {"init_args": {"seed": seed}}
    if method in OBJECTIVES:
        model["objective"] = {"class_path": OBJECTIVES[method]}
    if method in WHOLE_CHAIN:
        model["tuned_steps"] = None
    if method in CLONING:
        rollouts = {"class_path": "datamodules.Rollouts", "init_args": {"passes": CLONING_PASSES}}
        data["init_args"]["sources"] = {"rollouts": rollouts}
    if not method.endswith("from_scratch"):
        where = "point_from_home" if method in GATES else STARTS.get(method, "point")
        usual = task == training.TASKS[0] and where == "point"
        start = beachhead(seed) if usual else cloned(task, where, seed)
        model["beachhead"] = str(start.relative_to(ROOT))
    if method in GATES:
        data["class_path"] = "experiments.far_corner.PickBananaFarCorner"
    if method == "curriculum_one_point":
        data["class_path"] = "experiments.one_point.PickBananaAtOnePoint"
        data["init_args"]["phi_set"] = "one_point"
    return {
        "seed_everything": seed,
        "data": data,
        "model": {"init_args": model},
        "trainer": {
            "max_epochs": 1_000,
            "callbacks": callbacks,
            "logger": {"init_args": {"name": f"curriculum/{run.name}", "version": ""}},
        },
    }


def as_it_starts(task: str, changed: dict[str, Any]) -> list[str]:
    """Arguments that test a cloned policy as the curriculum begins with it.

    With the curriculum's sampler, which takes fewer denoising steps, on as many episodes and on the
    same phi sets.
    """
    data = ["--data.class_path", changed["data"].get("class_path", "")]
    sampler = json.dumps(asdict(DEFAULT_SAMPLER))
    callbacks = [c for c in changed["trainer"]["callbacks"] if "Evaluation" in c["class_path"]]
    return [
        *training.configs("diffusion_policy", task),
        *(data if data[1] else []),
        *("--model.init_args.sampler", sampler),
        *("--trainer.callbacks", json.dumps([*callbacks, {"class_path": "callbacks.Summary"}])),
    ]


def beachhead(seed: int) -> Path:
    """The policy cloned at ``point`` under that seed; made if there is none."""
    checkpoint = ROOT / "runs" / "beachhead" / f"mlp-{seed}" / "checkpoints" / "last.ckpt"
    if not checkpoint.is_file():
        make = [sys.executable, "experiments/beachhead.py", "--seed", str(seed)]
        subprocess.run(make, cwd=ROOT, check=True)
    return checkpoint


def cloned(task: str, where: str, seed: int) -> Path:
    """The policy cloned from 32 other demonstrations; made if there is none."""
    run = ROOT / "runs" / "demonstrations" / run_name(task, where, 32, seed)
    if not (run / "done").is_file():
        make = [sys.executable, "experiments/demonstrations.py", "--task", task, "--where", where]
        subprocess.run([*make, "--count", "32", "--seed", str(seed)], cwd=ROOT, check=True)
    return run / "checkpoints" / "last.ckpt"


def effort(checkpoint: Path) -> dict[str, Any]:
    """Episodes and seconds of arm time behind a checkpoint."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    collection, curriculum = (saved["callbacks"][n] for n in ("RolloutCollection", "Curriculum"))
    return {
        "episodes": collection["collected"] + curriculum["tried"],
        "robot_s": collection["robot_s"] + curriculum["robot_s"],
        "iterations": saved["epoch"] + 1,
    }


def tried(checkpoint: Path) -> list[dict[str, Any]]:
    """Every ring that the run behind a checkpoint has tried, in order."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    rings = saved["callbacks"]["Curriculum"]["rings"]
    return [{"ring": i} | ring for i, ring in enumerate(rings)]


if __name__ == "__main__":
    main()
