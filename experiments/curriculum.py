"""From one position to many by a sparse reward: one run of one study.

    python experiments/curriculum.py --study table --method curriculum --seed 0

``table`` takes the beachhead to the whole table in 20,000 episodes. ``comparison`` gives every
method the same 6,000 episodes to reach ``wide``. Each run starts at the beachhead that
experiments/beachhead.py made under the same seed (or trains it), fits by
configs/pick_banana/curriculum.yaml with what the method changes, and tests its checkpoints on task
parameters that are never trained on. Rows go to docs/results/curriculum/results.json. Resumable: a
run goes on from its last checkpoint, and what was tested is not tested again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.results import command, machine, replace_text, results_file, write_rows  # noqa: E402

CONFIG = "configs/pick_banana/curriculum.yaml"
# Per study: the largest set, the budget of episodes, iterations between two checkpoints tested.
STUDIES = {"table": ("table", 20_000, 25), "comparison": ("wide", 6_000, 1_000)}

BOUNDARY = {"class_path": "callbacks.BoundaryExpansion"}
STRATEGIES: dict[str, dict[str, Any]] = {
    "curriculum": BOUNDARY,
    "learnability": {"class_path": "callbacks.Learnability"},
    "level_replay": {"class_path": "callbacks.LevelReplay"},
    "timetable": {"class_path": "callbacks.Timetable", "init_args": {"iterations": 12}},
    "no_curriculum": {"class_path": "callbacks.Timetable", "init_args": {"iterations": 0}},
}
# Other objectives, all under the same curriculum, and starts from random weights.
OBJECTIVES = {
    "filtered_cloning": "lightning_modules.FilteredCloning",
    "reward_weighted": "lightning_modules.RewardWeighted",
    "reinforce": "lightning_modules.Reinforce",
    "reinforce_from_scratch": "lightning_modules.Reinforce",
}
METHODS = (*STRATEGIES, *OBJECTIVES, "from_scratch")


def main() -> None:
    """Trains where needed, tests, saves, prints the RESULT line of the last checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", choices=STUDIES, default="table")
    parser.add_argument("--method", choices=METHODS, default="curriculum")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    run = ROOT / "runs" / "curriculum" / f"{args.study}-{args.method}-{args.seed}"
    run.mkdir(parents=True, exist_ok=True)
    config = run / "study.yaml"
    config.write_text(yaml.safe_dump(overrides(args.study, args.method, args.seed, run)))
    configs = ["--config", CONFIG, "--config", str(config)]
    if not (run / "done").is_file():
        last = run / "checkpoints" / "last.ckpt"
        resume = ["--ckpt_path", str(last)] if last.is_file() else []
        subprocess.run([sys.executable, "train.py", "fit", *configs, *resume], cwd=ROOT, check=True)
        (run / "done").touch()
    rows = [
        {"task": "pick_banana", "study": args.study, "method": args.method, "seed": args.seed}
        | tested(configs, checkpoint)
        for checkpoint in checkpoints(run)
    ]
    identity = ("task", "study", "method", "seed", "episodes")
    write_rows(results_file("curriculum"), rows, identity=identity)
    print("RESULT", json.dumps(rows[-1]))


def overrides(study: str, method: str, seed: int, run: Path) -> dict[str, Any]:
    """What the study and the method change in the curriculum's config."""
    whole, budget, every = STUDIES[study]
    base = yaml.safe_load((ROOT / CONFIG).read_text())
    callbacks: list[dict[str, Any]] = base["trainer"]["callbacks"]
    for callback in callbacks:
        args: dict[str, Any] = callback.setdefault("init_args", {})
        if callback["class_path"] == "callbacks.Curriculum":
            args |= {"whole": whole}
            if method in STRATEGIES and method != "curriculum":
                args["strategy"] = STRATEGIES[method]
        elif callback["class_path"] == "callbacks.RolloutCollection":
            args["budget"] = budget
    callbacks.append(
        {
            "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
            "init_args": {
                "filename": "iteration={epoch:03d}",
                "auto_insert_metric_name": False,
                "every_n_epochs": every,
                "save_top_k": -1,
                "save_on_exception": False,
            },
        }
    )
    model: dict[str, Any] = {}
    if method in OBJECTIVES:
        model["objective"] = {"class_path": OBJECTIVES[method]}
    if not method.endswith("from_scratch"):
        model["beachhead"] = str(beachhead(seed))
    return {
        "seed_everything": seed,
        "data": {"init_args": {"seed": seed}},
        "model": {"init_args": model},
        "trainer": {
            "max_epochs": 1_000,
            "callbacks": callbacks,
            "logger": {"init_args": {"name": f"curriculum/{run.name}", "version": ""}},
        },
    }


def beachhead(seed: int) -> Path:
    """The policy cloned at ``point`` under that seed; made if there is none."""
    checkpoint = ROOT / "runs" / "beachhead" / f"mlp-{seed}" / "checkpoints" / "last.ckpt"
    if not checkpoint.is_file():
        make = [sys.executable, "experiments/beachhead.py", "--seed", str(seed)]
        subprocess.run(make, cwd=ROOT, check=True)
    return checkpoint


def checkpoints(run: Path) -> list[Path]:
    """Those on the way, in order, and the last."""
    folder = run / "checkpoints"
    on_the_way = sorted(folder.glob("iteration=*.ckpt"))
    return [*on_the_way, folder / "last.ckpt"]


def tested(configs: list[str], checkpoint: Path) -> dict[str, Any]:
    """What ``train.py test`` says of a checkpoint, and what it took to get there."""
    kept = checkpoint.with_suffix(".json")
    if not kept.is_file():
        output = subprocess.run(
            [
                *(sys.executable, "train.py", "test", *configs),
                *("--ckpt_path", str(checkpoint)),
                *("--trainer.logger", "false", "--trainer.default_root_dir", "runs/curriculum"),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        result = json.loads(output.strip().splitlines()[-1].removeprefix("RESULT "))
        result |= effort(checkpoint) | machine() | {"command": command()}
        replace_text(kept, json.dumps(result))
    return json.loads(kept.read_text())


def effort(checkpoint: Path) -> dict[str, Any]:
    """Episodes and seconds of arm time behind a checkpoint."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    collection, curriculum = (saved["callbacks"][n] for n in ("RolloutCollection", "Curriculum"))
    return {
        "episodes": collection["collected"] + curriculum["tried"],
        "robot_s": collection["robot_s"],
        "iterations": saved["epoch"] + 1,
    }


if __name__ == "__main__":
    main()
