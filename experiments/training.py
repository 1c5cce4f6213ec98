"""``train.py`` as every experiment runs it: on one thread, resumable, nothing done twice."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from experiments.results import ROOT, command, machine, replace_text

# One thread: results do not depend on how many cores there are.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


TASKS = ("pick_banana", "place_in_bowl")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """The argument of every experiment that is run under several seeds."""

    def seed(text: str) -> int:
        if not text.isdecimal():
            raise argparse.ArgumentTypeError(f"{text!r} is no seed: 0, 1, 2, ...")
        return int(text)

    parser.add_argument("--seed", type=seed, default=0)


def configs(stage: str, task: str, first: str = TASKS[0]) -> list[str]:
    """Arguments that name the config of a stage and, after it, what another task changes in it.

    Args:
        stage: of the way.
        task: the other.
        first: the task whose config is whole.
    """
    tasks = dict.fromkeys((first, task))
    return [word for name in tasks for word in ("--config", f"configs/{name}/{stage}.yaml")]


def callbacks_beside(config: Path, skill: str | None) -> list[dict[str, Any]]:
    """The callbacks of a config, and what those act by who live beside a learner.

    Args:
        config: the file.
        skill: checkpoint of the policy that they act with; none of them live if None.
    """
    found: list[dict[str, Any]] = yaml.safe_load(config.read_text())["trainer"]["callbacks"]
    for callback in found:
        if callback["class_path"] == "callbacks.AdaptationEvaluation":
            callback.setdefault("init_args", {})["skill"] = skill
    return found


def configure(run: Path, changed: dict[str, Any]) -> list[str]:
    """Writes what a run changes in its stage's config into its folder; arguments that name it.

    Ends the program if the folder holds a run of another config: its results would be taken for
    this one's.
    """
    run.mkdir(parents=True, exist_ok=True)
    path = run / "study.yaml"
    text = yaml.safe_dump(changed)
    if (run / "checkpoints").is_dir() and path.read_text() != text:
        sys.exit(f"error: {run} holds a run of another config: move it away, or remove it")
    path.write_text(text)
    return ["--config", str(path.relative_to(ROOT))]


def fit(arguments: list[str], run: Path) -> Path:
    """Trains unless the run is done; one that was stopped goes on from its last checkpoint.

    Args:
        arguments: of ``train.py fit``; they make ``run`` the run's folder.
        run: the folder; the file ``done`` in it says that nothing is left to do.

    Returns:
        The last checkpoint.
    """
    last = run / "checkpoints" / "last.ckpt"
    if not (run / "done").is_file():
        resume = ["--ckpt_path", str(last)] if last.is_file() else []
        _train(["fit", *arguments, *resume], capture=False)
        (run / "done").touch()
    return last


def evaluate(
    arguments: list[str], checkpoint: Path, name: str = "", stage: str = "test"
) -> dict[str, Any]:
    """What ``train.py test`` says of a checkpoint, and on what machine by which command.

    Kept beside the checkpoint, so that it is not tested again while it is the same.

    Args:
        arguments: of ``train.py test``.
        checkpoint: what is tested.
        name: of the way in which it is, where there are several.
        stage: ``test``, or ``validate``.
    """
    kept = checkpoint.with_name(f"{checkpoint.stem}{name}.json")
    if not kept.is_file() or kept.stat().st_mtime < checkpoint.stat().st_mtime:
        given = ["--ckpt_path", str(checkpoint), "--trainer.logger", "false"]
        folder = ["--trainer.default_root_dir", "runs/tests"]
        output = _train([stage, *arguments, *given, *folder], capture=True)
        # Not always the last line: a progress bar may leave the terminal after it.
        lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
        result = json.loads(lines[-1].removeprefix("RESULT "))
        replace_text(kept, json.dumps(result | machine() | {"command": command()}))
    return json.loads(kept.read_text())


def predict(arguments: list[str], checkpoint: Path) -> None:
    """What ``train.py predict`` makes of a checkpoint.

    Args:
        arguments: of it.
        checkpoint: of the policy.
    """
    _train(["predict", *arguments, "--ckpt_path", str(checkpoint)], capture=False)


def try_out(subcommand: str, arguments: list[str]) -> None:
    """One step of ``train.py``, of which nothing is kept."""
    _train([subcommand, *arguments, "--trainer.fast_dev_run", "true"], capture=False)


def _train(arguments: list[str], *, capture: bool) -> str:
    done = subprocess.run(
        [sys.executable, "train.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        check=False,
        stdout=subprocess.PIPE if capture else None,
        text=True,
    )
    if done.returncode:  # it has said why
        sys.exit(done.returncode)
    return done.stdout or ""
