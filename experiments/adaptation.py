"""A learner that adapts within lifetimes, and those it is to beat: one run of one method.

    python experiments/adaptation.py --task wanted_object --method meta_learner --seed 0

``meta_learner`` learns from a search that does not know phi; ``informed`` from attempts that get
better, of one who does (Algorithm Distillation, Laskin et al. 2022); ``noise_curriculum`` from one
who does and acts by chance ever more seldom (AD-eps, Zisman et al. 2023, 2312.12275): as many
lifetimes and updates each. The skill behind all is the generalist of study ``table`` under the same
seed. Each is tested at the temperature that suits it best, which other lifetimes say; beside an
oracle, a reference and those who guess (callbacks.AdaptationEvaluation); on task parameters that
are never trained on, and other ones under each seed. Rows go to
docs/results/adaptation/results.json. Resumable: lifetimes that are there are not made again, a run
goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from datamodules.lifetime_store import LifetimeStore  # noqa: E402
from experiments import training  # noqa: E402
from experiments.results import results_file, write_rows  # noqa: E402

FIRST = "wanted_object"  # whose configs the others change
FAMILIES = (FIRST, "bumped_camera", "wrong_homing")
LIFETIMES = 2048  # twice as many made no difference with bumped cameras
RESULTS = results_file("adaptation")
SHOTS = 6
SAMPLED = (0.3, 0.6, 1.0)  # temperatures of the learners, to choose from
CHOOSING = 128  # lifetimes that say which
# Evaluation seeds of both; what was tried out was tried with seed 0.
CHOSEN_BY, TESTED_BY = 2000, 1000
# Success from hardly ever to nearly always on the table: docs/results/ladder.
TEMPERATURES = (2.0, 1.5, 1.2, 1.0, 0.7, 0.3)
CHANCES = (1.0, 0.4, 0.2, 0.1, 0.05, 0.0)  # of a random chunk


def rungs(knob: str, values: tuple[float, ...]) -> list[dict[str, Any]]:
    """A ladder as configs have it."""
    return [{"knob": {"class_path": f"lightning_modules.skill.{knob}"}, "value": v} for v in values]


def explorer(**arguments: Any) -> dict[str, Any]:
    """One as configs have it."""
    return {"class_path": "callbacks.Explorer", "init_args": arguments}


EXPLORERS = {
    "meta_learner": explorer(hypothesis="best"),
    "informed": explorer(hypothesis="informed", ladder=rungs("Temperature", TEMPERATURES)),
    "noise_curriculum": explorer(hypothesis="informed", ladder=rungs("EpsilonRandom", CHANCES)),
}


def main() -> None:
    """Makes lifetimes, trains, tests, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=FAMILIES, default=FIRST)
    parser.add_argument("--method", choices=EXPLORERS, default="meta_learner")
    training.add_seed(parser)
    args = parser.parse_args()
    name = f"{args.task}-{args.method}-{args.seed}"
    run = ROOT / "runs" / "adaptation" / name
    skill = f"docs/results/curriculum/checkpoints/curriculum-{args.seed}.ckpt"
    if not (ROOT / skill).is_file():
        parser.error(f"there is no skill of seed {args.seed}: no {skill}")
    data = ROOT / "data" / "adaptation" / name
    source: dict[str, Any] = {
        "class_path": "datamodules.Lifetimes",
        "init_args": {"path": str(data.relative_to(ROOT)), "steps_per_epoch": 500},
    }
    shared: dict[str, Any] = {
        "seed_everything": args.seed,
        "data": {"init_args": {"seed": args.seed, "sources": {"lifetimes": source}}},
    }
    writer = {
        "class_path": "callbacks.LifetimeWriter",
        "init_args": {"lifetimes": LIFETIMES, "explorer": EXPLORERS[args.method]},
    }
    making = shared | {"trainer": {"callbacks": [writer]}}
    training.predict(
        [
            *training.configs("lifetimes", args.task, FIRST),
            *training.configure(run / "lifetimes", making),
        ],
        ROOT / skill,
    )
    callbacks = training.callbacks_beside(
        ROOT / "configs" / FIRST / "meta_learner.yaml",
        skill if args.method == "meta_learner" else None,
    )
    learning = shared | {
        "model": {"init_args": {"skill": skill}},
        "trainer": {
            "callbacks": callbacks,
            "logger": {"init_args": {"name": f"adaptation/{name}", "version": ""}},
        },
    }
    arguments = [
        *training.configs("meta_learner", args.task, FIRST),
        *training.configure(run, learning),
    ]
    last = training.fit(arguments, run)
    identity = {"task": args.task, "method": args.method, "seed": args.seed}
    notes = {"lifetimes": LIFETIMES, "transitions": transitions(data)}
    row = tested(arguments, last, run, callbacks, args.seed) | identity | notes
    write_rows(RESULTS, [row])
    if (args.method, args.seed) == ("meta_learner", 0):
        shutil.copy(run / "adaptation" / "video.gif", RESULTS.with_name(f"{args.task}.gif"))
    curve = " ".join(f"{row[f'adaptation/success/shot_{h}']:.2f}" for h in range(1, SHOTS + 1))
    print(f"success by shot: {curve}")
    print("RESULT", json.dumps(row))


def tested(
    arguments: list[str], last: Path, run: Path, callbacks: list[dict[str, Any]], seed: int
) -> dict[str, Any]:
    """How a learner fares at the temperature that suits it best.

    Args:
        arguments: of its training.
        last: its checkpoint.
        run: its folder.
        callbacks: of its training; where it is chosen they let nobody live beside the learner.
        seed: of the run.
    """
    evaluation = next(c for c in callbacks if c["class_path"] == "callbacks.AdaptationEvaluation")
    alone = {**evaluation, "init_args": {**evaluation["init_args"], "lifetimes": CHOOSING}}
    fewer = [alone if callback is evaluation else callback for callback in callbacks]
    choosing = training.configure(run / "choosing", {"trainer": {"callbacks": fewer}})

    def at(temperature: float) -> list[str]:
        return ["--model.init_args.sampler.temperature", str(temperature)]

    found = {
        temperature: training.evaluate(
            [*arguments, *choosing, *at(temperature), "--evaluation_seed", str(CHOSEN_BY + seed)],
            last,
            f"-chosen-{temperature:g}",
            stage="validate",
        )[f"adaptation/success/shot_{SHOTS}"]
        for temperature in SAMPLED
    }
    best = max(found, key=lambda temperature: found[temperature])
    row = training.evaluate(
        [*arguments, *at(best), "--evaluation_seed", str(TESTED_BY + seed)], last, "-tested"
    )
    choice = {f"choosing/temperature_{k:g}": value for k, value in found.items()}
    return row | choice | {"temperature": best}


def transitions(data: Path) -> int:
    """Environment steps that a learner has learnt from."""
    return int(LifetimeStore.open(data).load()["length"].sum())


if __name__ == "__main__":
    main()
