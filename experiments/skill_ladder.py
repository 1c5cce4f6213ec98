"""Where each knob of the skill ladder has to stand for a policy to succeed so often.

    python experiments/skill_ladder.py --knob temperature

A policy is made worse until it succeeds in .85, .65, .45, .25 and .10 of the episodes on ``table``;
what was found is measured on fresh ones. Rows go to docs/results/ladder/results.json: those of the
study ``calibrated`` have the value of the knob at each level, those of ``tried`` are all that was
measured on the way. ``ou_noise`` takes the correlation whose actions are as jerky as those of
``temperature`` at .65, which therefore is to be calibrated first; one that was found before is
kept. The policy is the curriculum's generalist; ``guidance`` needs one that was trained with its
condition hidden at times, cloned from 128 demonstrations that are spread over the table, and on
which any knob can be tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from tensordict import TensorDict

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from datamodules import PickBanana, Rollouts  # noqa: E402
from experiments import curriculum, demonstrations, training  # noqa: E402
from experiments.action_spectrum import high_frequency_share, spectrum  # noqa: E402
from experiments.ladder_figures import MATCHED, trace_figure  # noqa: E402
from experiments.results import (  # noqa: E402
    IDENTITY,
    Row,
    Stopwatch,
    command,
    machine,
    read_rows,
    results_file,
    write_rows,
)
from lightning_modules import DiffusionPolicy  # noqa: E402
from lightning_modules.policy import load_learner  # noqa: E402
from lightning_modules.skill import (  # noqa: E402
    ActionNoise,
    Calibrated,
    DenoisingTruncation,
    EarlierCheckpoint,
    EpisodeTruncation,
    EpsilonRandom,
    Guidance,
    InitialTemperature,
    Knob,
    Setting,
    Stride,
    Temperature,
    WrongHypothesis,
    calibrate,
    nearest,
    on_the_line,
)
from robot.rollout import rollout  # noqa: E402
from robot.seeds import evaluation_seed, training_seed  # noqa: E402
from robot.success_rate import SuccessRate  # noqa: E402

RESULTS = results_file("ladder")
FRESH = 2  # times as many episodes measure what was found
SHOWN = 128  # episodes behind spectra and traces
LEVELS = (0.85, 0.65, 0.45, 0.25, 0.10)
CORRELATIONS = (0.5, 0.7, 0.8, 0.9, 0.95)
GENERALIST = ROOT / "docs" / "results" / "curriculum" / "checkpoints" / "curriculum-0.ckpt"
KNOBS: dict[str, Knob] = {
    "temperature": Temperature(),
    "initial_temperature": InitialTemperature(),
    "stride": Stride(),
    "guidance": Guidance(),
    "denoising_truncation": DenoisingTruncation(),
    "iid_noise": ActionNoise(),
    "epsilon_random": EpsilonRandom(),
    "wrong_hypothesis": WrongHypothesis(),
    "episode_truncation": EpisodeTruncation(),
}
OTHERS = ("ou_noise", "earlier_checkpoint", "learning_history")
POLICIES = ("generalist", "cloned")


def main() -> None:
    """Calibrates, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--knob", choices=(*KNOBS, *OTHERS), default="temperature")
    parser.add_argument("--policy", choices=POLICIES, default=POLICIES[0])
    training.add_seed(parser)
    parser.add_argument("--episodes", type=int, default=400, help="behind each try")
    parser.add_argument("--threads", type=int, default=1, help="of the physics; 0 takes all cores")
    parser.add_argument("--redraw", action="store_true", help="draw what is in the rows anew")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows go")
    args = parser.parse_args()
    if args.knob == "guidance" and args.policy != "cloned":
        parser.error("guidance needs a policy trained with condition_dropout: --policy cloned")
    if args.knob == "learning_history" and args.policy != "generalist":
        parser.error("learning_history is that of the curriculum: --policy generalist")
    if args.episodes < 1:
        parser.error(f"episodes is {args.episodes}, it must be at least 1")
    torch.set_num_threads(1)
    ladder = Ladder(load(args.policy, args.seed), args.seed, args.episodes, args.threads)
    known = read_rows(args.results)
    knob = KNOBS.get(args.knob) or other(ladder, args.knob, args.policy, known)
    head = {
        "task": training.TASKS[0],
        "method": args.knob,
        "policy": args.policy,
        "seed": args.seed,
        "command": command(),
        **machine(),
    }
    if isinstance(knob, ActionNoise):
        head["correlation"] = knob.correlation
    picture = args.results.with_name(f"traces-{args.policy}-{args.knob}.png")
    if args.redraw:
        same = ("method", "policy", "seed")
        rows = [r for r in known if r["study"] == "calibrated"]
        values = {r["level"]: r["value"] for r in rows if all(r[k] == head[k] for k in same)}
        if not values:
            parser.error(f"{args.results} has no ladder of {args.knob}, seed {args.seed}, to draw")
        ladder.traces(knob, values).savefig(picture, dpi=100)
        return
    clock = Stopwatch()
    print(f"success of the policy with {args.knob} at ...")
    found: list[Calibrated] = []
    for level in LEVELS:
        found.append(ladder.calibrate(knob, level, found[-1].tried if found else ()))
        setting = found[-1].setting
        low, high = setting.success.interval
        print(f"{setting.value:8.4g}  {setting.success.rate:.3f} ({low:.3f} to {high:.3f})", end="")
        print(f"  wanted {level:.2f}" + ("" if found[-1].reached else ": not reached"), flush=True)
    calibrated = [
        {
            **head,
            "study": "calibrated",
            "level": level.target,
            "value": level.setting.value,
            "reached": level.reached,
            **level.setting.success.metrics("success/table"),
            **ladder.jerkiness(knob, level.setting.value),
        }
        for level in found
    ]
    tried = {s.value: s.success for level in found for s in level.tried}
    ways = [
        {**head, "study": "tried", "value": value, **tried[value].metrics("success/table")}
        for value in sorted(tried)
    ]
    rows: list[Row] = [row | clock.read() for row in (*calibrated, *ways)]
    write_rows(args.results, rows, identity=(*IDENTITY, "policy"))
    ladder.traces(knob, {c.target: c.setting.value for c in found}).savefig(picture, dpi=100)
    reached = sum(level.reached for level in found)
    print(
        "RESULT", json.dumps({**head, "levels_reached": reached, "levels_reached/n": len(LEVELS)})
    )


@dataclass
class Ladder:
    """Rolls a policy out on the table with a knob at a value.

    Attributes:
        learner: the policy.
        seed: of the episodes.
        episodes: behind each try.
        threads: of the physics.
    """

    learner: DiffusionPolicy
    seed: int
    episodes: int
    threads: int = 1

    def __post_init__(self) -> None:
        self._task = PickBanana("table", {"rollouts": Rollouts()})
        self._env = self._task.environment(min(self.episodes, 128), self.seed, self.threads)

    def attempts(
        self, knob: Knob, value: float, fresh: bool, episodes: int | None = None
    ) -> TensorDict:
        """Episodes with a knob at a value: of training's task parameters, or of fresh ones.

        Args:
            knob: what is turned.
            value: where it stands.
            fresh: whether they have chosen nothing.
            episodes: how many, recorded; as many as are tried, and not recorded, if None.
        """
        make = evaluation_seed if fresh else training_seed
        seed = make("skill ladder", knob.name, f"{value:g}", self.seed)
        count = episodes or self.episodes * (FRESH if fresh else 1)
        phi = self._task.phi_set.sample(count, torch.Generator().manual_seed(seed))
        return rollout(
            self._env, knob.at(self.learner, value, seed), phi, seed, record=episodes is not None
        )

    def calibrate(self, knob: Knob, level: float, known: Sequence[Setting] = ()) -> Calibrated:
        """The value at which it succeeds so often; ``known``: what was tried before."""

        def success(value: float, fresh: bool) -> SuccessRate:
            return SuccessRate.of(self.attempts(knob, value, fresh)["success"])

        worst = knob.worst_of(self.learner)
        choose = nearest if knob.whole else on_the_line
        return calibrate(success, knob.clean, worst, level, knob.whole, known=known, choose=choose)

    def jerkiness(self, knob: Knob, value: float) -> dict[str, float]:
        """Power of the actions' changes by frequency, and the share of the high ones."""
        tried = self.attempts(knob, value, fresh=False, episodes=SHOWN)
        scale = self.learner.normalizer.action_half_range
        power = spectrum(tried["trajectory", "action"], tried["length"], scale)
        by_frequency = {f"spectrum/{i}": p for i, p in enumerate(power.tolist(), start=1)}
        return {"high_frequency": high_frequency_share(power), **by_frequency}

    def traces(self, knob: Knob, values: Mapping[float, float]) -> Figure:
        """Where the gripper is sent at each level, whose value of the knob is given."""
        made = {
            level: self.attempts(knob, value, fresh=True, episodes=SHOWN)
            for level, value in values.items()
        }
        return trace_figure(made, self._task)


def load(policy: str, seed: int) -> DiffusionPolicy:
    """The learner whose skill is turned down."""
    return load_learner(GENERALIST if policy == "generalist" else guidable(seed))


def guidable(seed: int) -> Path:
    """A policy cloned all over the table, its condition hidden at times; made if there is none."""
    run = ROOT / "runs" / "demonstrations" / f"guidable-{seed}"
    store = (
        ROOT
        / "data"
        / "demonstrations"
        / demonstrations.run_name(training.TASKS[0], "table", 128, seed)
    )
    changed: dict[str, Any] = demonstrations.overrides("table", 128, seed, store, run)
    changed["model"] = {"init_args": {"condition_dropout": 0.1}}
    changed["trainer"]["callbacks"].append(on_the_way(125))
    arguments = [*training.configs(demonstrations.STAGE, training.TASKS[0])]
    return training.fit([*arguments, *training.configure(run, changed)], run)


def on_the_way(steps: int) -> dict[str, Any]:
    """Keeps the policy every so many optimiser steps."""
    return {
        "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
        "init_args": {
            "filename": "step={step:05d}",
            "auto_insert_metric_name": False,
            "every_n_train_steps": steps,
            "save_top_k": -1,
            "save_on_exception": False,
        },
    }


def history(seed: int) -> Path:
    """The curriculum once more, its policy kept on the way (Algorithm Distillation's history).

    An iteration takes eight optimiser steps.
    """
    run = ROOT / "runs" / "curriculum" / f"history-{seed}"
    task = training.TASKS[0]
    changed = curriculum.overrides(task, "table", "curriculum", seed, run)
    changed["trainer"]["callbacks"].append(on_the_way(16))
    arguments = [*training.configs(curriculum.STAGE, task)]
    return training.fit([*arguments, *training.configure(run, changed)], run)


# Knobs that are checkpoints of a run, and its last one.
CHECKPOINTS = {"earlier_checkpoint": guidable, "learning_history": history}


def other(ladder: Ladder, name: str, policy: str, known: Sequence[Row]) -> Knob:
    """A knob that depends on what was measured or trained before.

    Args:
        ladder: what it is for.
        name: of the knob.
        policy: whose skill it is.
        known: rows there are.
    """
    if name in CHECKPOINTS:
        folder = CHECKPOINTS[name](ladder.seed).parent
        return EarlierCheckpoint(tuple(str(p) for p in sorted(folder.glob("step=*.ckpt"))))
    wanted = {"method": "temperature", "policy": policy, "study": "calibrated", "level": MATCHED}
    rows = [row for row in known if wanted.items() <= row.items()]
    if not rows:
        sys.exit(f"error: ou_noise is matched to temperature: calibrate that first on {policy}")

    matched = [r for r in known if (r["method"], r["policy"]) == (name, policy)]
    if matched:
        return ActionNoise(correlation=matched[0]["correlation"])

    def apart(correlation: float) -> float:
        knob = ActionNoise(correlation=correlation)
        value = ladder.calibrate(knob, MATCHED).setting.value
        return abs(ladder.jerkiness(knob, value)["high_frequency"] - rows[0]["high_frequency"])

    return ActionNoise(correlation=min(CORRELATIONS, key=apart))


if __name__ == "__main__":
    main()
