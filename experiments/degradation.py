"""Do worse attempts by the diffusion policy itself teach more than noise does? One run of one arm.

    python experiments/degradation.py --arm temperature --seed 0
    python experiments/degradation.py --task bumped_camera --arm search --seed 0

Lifetimes are put together from attempts of one source; the same meta-learner learns from all of
them, with as many lifetimes and updates. An arm is a source, or a control. The cheap family
(:mod:`datamodules.hidden_reach`) has all arms, the one with contact those that tell most. Rows go
to docs/results/degradation/results.json; what is there is not run again. What is compared, and how,
was written down before the first of them: docs/results/degradation/registration-2.md.

Symbols: N lifetimes, Q hidden dimensions, M attempts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import torch
from lightning.pytorch import Trainer, seed_everything
from tensordict import TensorDict
from torch import Tensor
from typing_extensions import override

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from callbacks.lifetimes import Explorer, Hindsight  # noqa: E402
from callbacks.lifetimes.adaptation import Adaptation  # noqa: E402
from callbacks.lifetimes.lives import live  # noqa: E402
from callbacks.lifetimes.probe import leak  # noqa: E402
from datamodules import Lifetimes  # noqa: E402
from datamodules.lifetime_store import LifetimeStore  # noqa: E402
from experiments import training  # noqa: E402
from experiments.degradation_families import FAMILIES  # noqa: E402
from experiments.degradation_skill import LEVELS, MATCHED, Skill  # noqa: E402
from experiments.results import (  # noqa: E402
    Row,
    Stopwatch,
    command,
    machine,
    read_rows,
    results_file,
    write_rows,
)
from experiments.wrong_places import SameEnds, WrongTarget  # noqa: E402
from lightning_modules import MetaLearner  # noqa: E402
from lightning_modules.lifetime_policy import LifetimePolicy  # noqa: E402
from lightning_modules.skill import (  # noqa: E402
    ActionNoise,
    DenoisingTruncation,
    EpsilonRandom,
    Guidance,
    InitialTemperature,
    Knob,
    Rung,
    Stride,
    Temperature,
)
from robot.seeds import evaluation_seed, training_seed  # noqa: E402

IDENTITY = ("task", "method", "seed", "registration")
# Of a student's sampler, by registration. Cold, what it has cloned of the noise is cut off.
TEMPERATURES = {2: (0.3, 0.6, 1.0), 3: (0.3, 0.6, 0.8, 1.0, 1.2, 1.5)}
SHOTS = 6


class Unrewarded(LifetimePolicy):
    """Is never told of a success: the control without rewards."""

    @override
    def end_episode(self, success: Tensor) -> None:
        super().end_episode(torch.zeros_like(success))


KNOBS: dict[str, Callable[[Skill], Knob]] = {
    "temperature": lambda _: Temperature(),
    "stride": lambda _: Stride(),
    "initial_temperature": lambda _: InitialTemperature(),
    "guidance": lambda _: Guidance(),
    "denoising_truncation": lambda _: DenoisingTruncation(),
    "iid_noise": lambda _: ActionNoise(),
    "ou_noise": lambda skill: skill.as_jerky_as(Temperature()),
    "epsilon_random": lambda _: EpsilonRandom(),
    "wrong_hypothesis": lambda skill: WrongTarget(skill.task, skill.family.calibrated),
    "earlier_checkpoint": lambda skill: skill.earlier(),
}
# Controls that are an arm with something changed.
CHANGED: dict[str, tuple[str, dict[str, Any]]] = {
    "temperature_informed": ("temperature", {"informed": True}),
    "iid_noise_informed": ("iid_noise", {"informed": True}),
    "wrong_hypothesis_informed": ("wrong_hypothesis", {"informed": True}),
    "temperature_shuffled": ("temperature", {"order": "shuffled"}),
    "iid_noise_shuffled": ("iid_noise", {"order": "shuffled"}),
    "temperature_as_it_comes": ("temperature", {"placed": False}),
    "temperature_unrewarded": ("temperature", {}),
}
OWN = (Rung(),) * SHOTS
EXPLORERS = {"search": Explorer("best", OWN), "guessing": Explorer("prior", OWN)}
ARMS = (*KNOBS, "same_ends", *CHANGED, "expert_only", *EXPLORERS)


def main() -> None:
    """Makes lifetimes, learns, tests, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=FAMILIES, default=next(iter(FAMILIES)))
    parser.add_argument("--arm", choices=ARMS, default=ARMS[0])
    training.add_seed(parser)
    parser.add_argument("--registration", type=int, choices=TEMPERATURES, default=2)
    args = parser.parse_args()
    family = FAMILIES[args.task]
    arms = family.arms or ARMS
    if args.arm not in arms:
        parser.error(f"{args.task} has the arms {', '.join(arms)}, not {args.arm}")
    asked = {
        "task": args.task,
        "method": args.arm,
        "seed": args.seed,
        "registration": args.registration,
        "lifetimes": family.lifetimes,
        "updates": family.updates,
    }
    results = results_file("degradation")
    known = read_rows(results)
    if done := [row for row in known if asked.items() <= row.items()]:
        print("RESULT", json.dumps(done[0]))
        return
    if not (checkpoint := family.skill(args.seed)).is_file():
        parser.error(f"there is no skill of seed {args.seed}: no {checkpoint}")
    torch.set_num_threads(1)
    clock = Stopwatch()
    skill = Skill(family, args.seed)
    maker, notes = source(skill, args.arm)
    row: Row = {
        **asked,
        **notes,
        "command": command(),
        **machine(),
    }
    if maker is not None:
        row |= run(skill, maker, args.arm, args.registration)
    row |= clock.read()
    write_rows(results, [row], identity=IDENTITY)
    print("RESULT", json.dumps(row))


def source(skill: Skill, arm: str) -> tuple[Explorer | Hindsight | None, Row]:
    """What makes an arm's lifetimes, and how its knob was calibrated; none where it can't be."""
    if arm in EXPLORERS:
        return EXPLORERS[arm], {}
    if arm == "expert_only":
        return Hindsight(attempts=skill.family.attempts * len(LEVELS)), {}
    name, changed = CHANGED.get(arm, (arm, {}))
    knob = KNOBS["temperature" if name == "same_ends" else name](skill)
    found = [skill.calibrate(knob, level) for level in LEVELS]
    notes: Row = {}
    for level in found:
        notes[f"level_{level.target:g}"] = level.setting.value
        notes[f"level_{level.target:g}/success"] = level.setting.success.rate
    if isinstance(knob, ActionNoise):
        notes["correlation"] = knob.correlation
    middle = next(level for level in found if level.target == MATCHED)
    notes["high_frequency"] = skill.jerkiness(knob, middle.setting.value)
    notes["dropped"] = not all(level.reached for level in found)
    if notes["dropped"]:
        return None, notes
    family = skill.family
    used: Knob = knob
    if name == "same_ends":
        used = SameEnds(knob, skill.task, family.calibrated, family.num_envs)
    ladder = tuple(Rung(used, level.setting.value) for level in found)
    return replace(Hindsight(ladder, family.attempts, SHOTS), **changed), notes


def run(skill: Skill, maker: Explorer | Hindsight, arm: str, registration: int) -> dict[str, float]:
    """Makes the lifetimes, learns from them and lives: all that is measured."""
    unrewarded = arm == "temperature_unrewarded"
    with tempfile.TemporaryDirectory() as folder:
        store = LifetimeStore.open_or_create(folder, metadata(skill))
        size = skill.family.part
        environment = skill.task.environment(size)
        success: list[Tensor] = []
        for part in range(skill.family.lifetimes // size):
            seed = training_seed("degradation", skill.seed, part)
            phi = skill.task.phi_set.sample(size, torch.Generator().manual_seed(seed))
            made = maker.lifetimes(skill.task, skill.learner, environment, phi, seed)
            success.append(made["success"].clone())
            if unrewarded:
                made["success"].zero_()
            store.write(part, made)
        everyone = store.load().set("success", torch.cat(success))
        measured = data_of(skill, everyone)
        student = learn(skill, folder)
    kind = Unrewarded if unrewarded else LifetimePolicy
    return measured | lives_of(skill, student, kind, registration)


def lives_of(
    skill: Skill, student: MetaLearner, kind: type[LifetimePolicy], registration: int
) -> dict[str, float]:
    """How a student fares: as cold as the skill, and at the temperature that suits it best.

    Which that is, lifetimes say that test nothing: by success at the last shot or, in the third
    registration, over all shots.
    """
    grid = TEMPERATURES[registration]
    own = student.sampler
    found = {
        f"as_cold_as_the_skill/{name}": value
        for name, value in tested(skill, lambda n: kind(student, n), "").items()
    }
    successes: dict[float, float] = {}
    for temperature in grid:
        student.sample_by(replace(own, temperature=temperature))
        seed, count = evaluation_seed("choosing", skill.seed), skill.family.choosing
        lived = live_on(skill, lambda n: kind(student, n), count, seed)
        rates = [shot.rate for shot in lived.by_shot()]
        successes[temperature] = rates[-1] if registration == 2 else fmean(rates)
        found[f"choosing/temperature_{temperature:g}"] = successes[temperature]
    best = max(grid, key=lambda temperature: successes[temperature])
    student.sample_by(replace(own, temperature=best))
    return (
        found
        | {"temperature": best}
        | tested(skill, lambda n: kind(student, n), "")
        | tested(skill, lambda n: LifetimePolicy(student, n, forgets=True), "memory_reset/")
    )


def metadata(skill: Skill) -> dict[str, Any]:
    """What a store says of its lifetimes."""
    learner = skill.learner
    return {
        "task": skill.task.task_name,
        "spec": learner.spec.to_dict(),
        "observation_horizon": learner.horizons.observation,
        "prediction_horizon": learner.horizons.prediction,
        "action_horizon": learner.horizons.action,
    }


def data_of(skill: Skill, lifetimes: TensorDict) -> dict[str, float]:
    """What the lifetimes are like: success by shot, and whether they give phi away."""
    hidden = skill.task.phi_space.hidden(lifetimes["phi"])
    found = {"data/leak": leak(lifetimes, hidden)}
    for shot, success in enumerate(lifetimes["success"].unbind(1), start=1):
        found[f"data/success/shot_{shot}"] = float(success.float().mean())
    return found


def learn(skill: Skill, folder: str) -> MetaLearner:
    """The meta-learner after its updates."""
    seed_everything(skill.seed, verbose=False)
    source = Lifetimes(folder, batch_size=32, steps_per_epoch=skill.family.updates)
    task = skill.family.task("wide", {"lifetimes": source}, skill.seed)
    student = MetaLearner(
        task.spec,
        skill=str(skill.checkpoint),
        sampler=skill.learner.sampler,
        **skill.family.learner,
    )
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        limit_val_batches=0,
    )
    trainer.fit(student, task)
    return student.eval()


def tested(skill: Skill, policy: Callable[[int], LifetimePolicy], prefix: str) -> dict[str, float]:
    """Success by shot on phi that nothing was trained on, and all that goes with it."""
    seed = evaluation_seed("degradation", skill.seed)
    found = live_on(skill, policy, skill.family.tested, seed).metrics(skill.task.spec.rate)
    return {f"adaptation/{prefix}{name}": value for name, value in found.items()}


def live_on(
    skill: Skill, policy: Callable[[int], LifetimePolicy], count: int, seed: int
) -> Adaptation:
    """So many lifetimes, the phi and all else by the seed."""
    num_envs = skill.family.num_envs
    phi = skill.task.phi_set.sample(count, torch.Generator().manual_seed(seed))
    lived = [
        live(skill.env, policy(len(group)), group, SHOTS, seed + i)
        for i, group in enumerate(phi.split(num_envs))
    ]
    shots = [cast("TensorDict", TensorDict.cat(list(shot))) for shot in zip(*lived, strict=True)]
    return Adaptation.of(shots)


if __name__ == "__main__":
    main()
