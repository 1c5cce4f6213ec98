"""Records episodes: an operator drives arms through retargeting and safety, into the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from rich.progress import Progress
from tensordict import TensorDict, TensorDictBase

from robot.episode_info import SCRIPTED, EpisodeInfo
from robot.episodes import EpisodeStore
from robot.file_lock import file_lock
from robot.forward_kinematics import forward_kinematics
from robot.phi import PhiSet
from robot.schema import ACTION, OBSERVATION, OBSERVATION_TIME, PHI
from robot.seeds import training_seed
from robot.simulation.environment import SimulatedArmEnv
from robot.simulation.task import SimulatedTask
from robot.teleop.message import PoseMessage
from robot.teleop.operator import NORMAL, Plan, ScriptedOperator, Style, Waypoint
from robot.teleop.retargeting import Retargeting
from robot.transition import recorded

# Arms that are driven side by side; a batch of attempts.
NUM_ENVS = 16


def record(
    task: SimulatedTask,
    plan: Plan,
    phi_set: PhiSet,
    path: str | Path,
    num_episodes: int,
    seed: int,
    style: Style = NORMAL,
) -> EpisodeStore:
    """Records scripted demonstrations until the store holds ``num_episodes``; keeps successes.

    Attempts are numbered and each is a function of its number: an interrupted recording that goes
    on ends with the episodes of one that was not. Processes that record into one store take turns.

    Args:
        task: what is demonstrated.
        plan: how the scripted operator does it.
        phi_set: where task parameters are drawn from.
        path: folder of the store; made if there is none, else added to.
        num_episodes: how many the store holds at the end.
        seed: of task parameters and of the operator's variation.
        style: how much the operator varies.

    Raises:
        ValueError: if the store holds episodes of another task, phi set, seed or style.
        RuntimeError: if fewer than one attempt in four of the first batches succeeds.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / ".recording"):
        provenance: dict[str, Any] = {
            "phi_set": phi_set.name,
            "seed": seed,
            "style": asdict(style),
        }
        store = EpisodeStore.open_or_create(folder, task.spec, **provenance)
        check_provenance(store, provenance)
        known = [attempt for i in store.ids if (attempt := store.info(i).attempt) is not None]
        first, kept = max(known, default=-1) + 1, 0
        batches = count(first // NUM_ENVS)
        with Progress(transient=True) as progress:
            bar = progress.add_task(f"recording {task.spec.task}", total=num_episodes)
            progress.update(bar, completed=len(store))
            while len(store) < num_episodes:
                batch = next(batches)
                for attempt, episode, info in _attempts(task, plan, phi_set, seed, style, batch):
                    if attempt < first or not info.success or len(store) >= num_episodes:
                        continue
                    store.append(episode, info)
                    kept += 1
                    progress.update(bar, completed=len(store))
                attempts = (batch + 1) * NUM_ENVS - first
                if attempts >= 4 * NUM_ENVS and kept < attempts / 4:
                    raise RuntimeError(
                        f"the scripted operator solved {kept} of {attempts} attempts at "
                        f"{task.spec.task!r} on phi set {phi_set.name!r}: it cannot demonstrate "
                        "there"
                    )
    return store


def check_provenance(store: EpisodeStore, wanted: Mapping[str, Any]) -> None:
    """Episodes of one store are draws from one set under one seed, by one operator."""
    for name, value in wanted.items():
        recorded = store.metadata["provenance"].get(name)
        if recorded != value:
            raise ValueError(
                f"{store.path} holds episodes recorded with {name} {recorded!r}, so none are added "
                f"with {name} {value!r}: use another folder"
            )


def _attempts(
    task: SimulatedTask, plan: Plan, phi_set: PhiSet, seed: int, style: Style, batch: int
) -> Iterator[tuple[int, TensorDict, EpisodeInfo]]:
    """The attempts of a batch, with their numbers."""
    batch_seed = training_seed(seed, batch)
    env = SimulatedArmEnv(task, NUM_ENVS, phi_set, batch_seed)
    for i, episode in enumerate(demonstrate(env, plan, batch_seed, style)):
        seconds = len(episode) / task.spec.rate
        phi = episode[PHI][0].tolist()
        attempt = batch * NUM_ENVS + i
        info = EpisodeInfo(
            operator=SCRIPTED,
            success=bool(episode["next", "reward"][-1] > 0),
            phi=dict(zip(task.phi_space.names, phi, strict=True)),
            scripted_s=seconds,
            robot_s=seconds,
            seed=batch_seed,
            attempt=attempt,
        )
        yield attempt, episode, info


def demonstrate(
    env: SimulatedArmEnv,
    plan: Plan | Sequence[Plan],
    seed: int,
    style: Style = NORMAL,
    phi: torch.Tensor | None = None,
) -> Iterator[TensorDict]:
    """One episode of each environment of the batch, driven by its own scripted operator.

    Args:
        env: where.
        plan: of all operators, or of each.
        seed: of their variation.
        style: how much they vary.
        phi: task parameters ``[num_envs, P]``; the environment draws them, if None.

    Yields:
        Episodes ``[T]`` with the keys of :mod:`robot.schema`; the action is the one sent.
    """
    arm, rate = env.arm, env.task.spec.rate
    home_command = torch.tensor(arm.home_command)
    point, _ = forward_kinematics(arm, torch.tensor(arm.home, dtype=torch.float64))
    home = Waypoint(point.numpy(), 0.0, arm.gripper.range[1], seconds=0.0)
    retargeting = Retargeting(arm)
    randoms = [np.random.default_rng([seed, i]) for i in range(env.num_envs)]
    starts = [style.start(home, random) for random in randoms]
    commands = [retargeting.command(start.message(0.0), home_command) for start in starts]
    now = env.reset(start=torch.stack(commands), **({} if phi is None else {"phi": phi}))
    plans = [plan] * env.num_envs if callable(plan) else plan
    messages: list[Iterator[PoseMessage]] = [
        ScriptedOperator(plans[i], rate, start, style).messages(
            now[OBSERVATION][i], random, float(now[OBSERVATION_TIME][i])
        )
        for i, (start, random) in enumerate(zip(starts, randoms, strict=True))
    ]
    running = torch.ones(env.num_envs, dtype=torch.bool)
    steps: list[TensorDictBase] = []
    length = torch.zeros(env.num_envs, dtype=torch.long)
    while running.any():
        last = now[OBSERVATION]["last_command"]
        action = last.clone()
        for i in running.nonzero().squeeze(-1).tolist():
            action[i] = retargeting.command(next(messages[i]), last[i])
        now.update({ACTION: action, "_step": running.clone()})
        now = env.step(now)
        steps.append(recorded(now))
        length += running
        running &= ~now["next", "done"].squeeze(-1)
        now = now["next"].select(*env.observation_spec.keys())
    episodes = cast("TensorDict", TensorDict.stack(steps, dim=1))  # [num_envs, T]
    for i in range(env.num_envs):
        yield episodes[i, : int(length[i])].contiguous()
