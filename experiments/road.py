"""The whole road: demonstrations, beachhead, curriculum, lifetimes, meta-learner, reward, student.

    python experiments/road.py --scale smoke            # does it run? minutes
    python experiments/road.py --scale cpu              # under 100 minutes on two cores
    python experiments/road.py --scale gpu              # larger, on one GPU
    python experiments/road.py --scale gpu --dry-run    # a step of each stage, nothing kept

Each stage is a call of ``train.py`` by the configs of the stage and what configs/road/<scale>/
changes in them. One whose output is up to date is skipped: it is, while neither its configs nor
what it starts from has changed. One that was stopped goes on from its last checkpoint. In the end
the learners are tested on task parameters that nothing was trained on, and the page is written
(experiments/road_page.py). A dry run starts each stage from what the scale ``smoke`` has made.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import training  # noqa: E402
from experiments.learning_curve import scalars  # noqa: E402
from experiments.results import Row, command, machine, results_file, write_rows  # noqa: E402
from experiments.road_page import write_page  # noqa: E402

DRIVEN = ("time/human_s", "time/scripted_s")
SCALES = ("smoke", "cpu", "gpu")


@dataclass(frozen=True)
class Stage:
    """One call of ``train.py``.

    Attributes:
        configs: those of the stage, under ``configs/``.
        given: arguments that are another stage's checkpoint, by its name; ``skill`` is the policy
            that those act with who live beside a learner.
        predicts: whether it makes data and trains nothing.
        tested: arguments of its test beside its own; None where it has none.
    """

    configs: tuple[str, ...]
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    predicts: bool = False
    tested: tuple[str, ...] | None = ()


ON_ALL = ("--data.init_args.phi_set", "wide")
STAGES = {
    "beachhead": Stage(("pick_banana/diffusion_policy",)),
    "curriculum": Stage(("pick_banana/curriculum",), {"--model.init_args.beachhead": "beachhead"}),
    "lifetimes": Stage(
        ("wanted_object/lifetimes", "bumped_camera/lifetimes"),
        {"--ckpt_path": "curriculum"},
        predicts=True,
        tested=None,
    ),
    "meta_learner": Stage(
        ("wanted_object/meta_learner", "bumped_camera/meta_learner"),
        {"--model.init_args.skill": "curriculum", "after": "lifetimes"},
        tested=ON_ALL,
    ),
    "lifetime_gradient": Stage(
        ("hidden_reach/lifetime_gradient", "bumped_camera/lifetime_gradient"),
        {"--model.init_args.meta_learner": "meta_learner", "skill": "curriculum"},
        tested=ON_ALL,
    ),
    "student": Stage(
        ("bumped_camera/student",),
        {"--model.init_args.teacher": "lifetime_gradient"},
        tested=ON_ALL,
    ),
}


def main() -> None:
    """Goes the road, from where it was left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default=SCALES[0])
    parser.add_argument("--dry-run", action="store_true", help="a step of each stage")
    args = parser.parse_args()
    road = Road(args.scale)
    if args.dry_run:
        for name in STAGES:
            road.try_out(name, Road(SCALES[0]))
        return
    for name in STAGES:
        road.go(name)
    rows = [road.row(name) for name in STAGES]
    # The results that are kept are those that anybody can remake.
    results = results_file("road") if args.scale == "cpu" else road.folder / "results.json"
    write_rows(results, rows, identity=("scale", "method"))
    write_page(results.parent, rows, road.folder)
    print("RESULT", json.dumps(rows[-1]))


class Road:
    """The stages at a scale, and what is there of them.

    Args:
        scale: one of ``SCALES``.
    """

    def __init__(self, scale: str) -> None:
        self.scale = scale
        self.folder = ROOT / "runs" / "road" / scale

    def run(self, name: str) -> Path:
        """The folder of a stage."""
        return self.folder / name

    def tried(self, name: str) -> Path:
        """Where a dry run keeps what it changes in a stage's config."""
        return self.folder / "dry_run" / name

    def last(self, name: str) -> Path:
        """The checkpoint of a stage."""
        return self.run(name) / "checkpoints" / "last.ckpt"

    def files(self, name: str) -> list[Path]:
        """The configs of a stage, what the scale changes last."""
        own = [ROOT / "configs" / f"{config}.yaml" for config in STAGES[name].configs]
        changes = ROOT / "configs" / "road" / self.scale / f"{name}.yaml"
        return [*own, changes] if changes.is_file() else own

    def arguments(self, name: str, before: Road | None = None) -> list[str]:
        """Those of ``train.py``, but for the checkpoint of a policy that predicts.

        Args:
            name: of the stage.
            before: whose checkpoints it starts from; its own road's, if None.
        """
        files = self.files(name)
        words = [w for f in files for w in ("--config", str(f.relative_to(ROOT)))]
        for argument, other in STAGES[name].given.items():
            checkpoint = str((before or self).last(other).relative_to(ROOT))
            if argument.startswith("--model"):
                words += [argument, checkpoint]
            elif argument == "skill":
                callbacks = training.callbacks_beside(files[-1], checkpoint)
                run = self.run(name) if before is None else self.tried(name) / argument
                words += training.configure(run, {"trainer": {"callbacks": callbacks}})
        if STAGES[name].predicts:
            return words
        logger = "--trainer.logger.init_args."
        folder = str(self.run(name).relative_to(ROOT / "runs"))
        return [*words, f"{logger}name", folder, f"{logger}version", ""]

    def fingerprint(self, name: str) -> str:
        """Of the configs of a stage and of all that it starts from."""
        found = hashlib.sha256()
        for file in self.files(name):
            found.update(file.read_bytes())
        for other in STAGES[name].given.values():
            found.update(self.fingerprint(other).encode())
        return found.hexdigest()

    def go(self, name: str) -> None:
        """Goes a stage, unless that is done."""
        run, stage = self.run(name), STAGES[name]
        begun = run / "fingerprint"
        now = self.fingerprint(name)
        if begun.is_file() and begun.read_text() != now:
            print(f"road: {name} is out of date and begins anew")
            for folder in (run, ROOT / "data" / "road" / self.scale / name):
                shutil.rmtree(folder, ignore_errors=True)
        done = (run / "done").is_file()
        print(f"road: {name} {'is up to date' if done else 'begins, or goes on'}", flush=True)
        run.mkdir(parents=True, exist_ok=True)
        begun.write_text(now)
        if stage.predicts and not done:
            began, spent = time.perf_counter(), _children_s()
            training.predict(self.arguments(name), self.last(stage.given["--ckpt_path"]))
            cost = {
                "fit/wall_s": time.perf_counter() - began,
                "fit/cpu_s": _children_s() - spent,
            }
            (run / "done").write_text(json.dumps(cost | machine() | {"command": command()}))
        elif not stage.predicts:
            training.fit(self.arguments(name), run)

    def try_out(self, name: str, before: Road) -> None:
        """One step of a stage, from what another road has made."""
        words = self.arguments(name, before)
        if STAGES[name].predicts:
            skill = str(before.last(STAGES[name].given["--ckpt_path"]))
            training.try_out("predict", [*words, "--ckpt_path", skill])
            return
        sources = self.sources(name)
        for source, other in before.sources(name).items():
            if "path" in other.get("init_args", {}):
                sources[source]["init_args"]["path"] = other["init_args"]["path"]
        changed = {"data": {"init_args": {"sources": sources}}}
        data = training.configure(self.tried(name), changed)
        training.try_out("fit", [*words, *data])

    def sources(self, name: str) -> dict[str, Any]:
        """Those of a stage's data."""
        found: dict[str, Any] = {}
        for file in self.files(name):
            data = yaml.safe_load(file.read_text()).get("data", {})
            found |= data.get("init_args", {}).get("sources", {})
        return found

    def row(self, name: str) -> Row:
        """What the test of a stage says, or what it took where it has none."""
        identity = {"task": "road", "method": name, "seed": 0, "scale": self.scale}
        tested = STAGES[name].tested
        if tested is None:
            return json.loads((self.run(name) / "done").read_text()) | identity
        words = [*self.arguments(name), *tested]
        row: dict[str, Any] = training.evaluate(words, self.last(name))
        driven = {
            tag: list(values.values())[-1]
            for tag, values in scalars(self.run(name)).items()
            if tag in DRIVEN
        }
        return row | driven | identity


def _children_s() -> float:
    """CPU seconds of all processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
