"""Rolls a policy out: action chunks, executed step by step, on a batch of arms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

import torch
from tensordict import TensorDict
from torch import Tensor

from robot.arm_env import ArmEnv
from robot.chunk_executor import AskingAhead, ChunkExecutor, Waiting
from robot.policy import Policy, Remembering
from robot.schema import ACTION, OBSERVATION
from robot.simulation.environment import SimulatedArmEnv
from robot.simulation.point import PointEnv
from robot.transition import recorded

Arms = SimulatedArmEnv | PointEnv | ArmEnv


def rollout(
    env: Arms,
    policy: Policy,
    phi: Tensor,
    seed: int,
    record: bool = False,
    on_batch: Callable[[int], None] | None = None,
    lead: int = 0,
) -> TensorDict:
    """One episode for each task parameter, ``env.num_envs`` side by side.

    All environments of a batch replan together; those that are done rest, and the policy is not
    asked about them.

    Args:
        env: where to act.
        policy: what to do; called without gradients. Beside the observation's fields it is told
            the ``episode`` of each, long ``[B, To, 1]``.
        phi: task parameters ``[N, P]``.
        seed: of the policy's noise and of the start poses.
        record: whether to keep the steps.
        on_batch: told how many episodes have just ended.
        lead: actions that are left of a chunk when the next is asked for, in a thread, while the
            arms go on (:mod:`robot.chunk_executor`); if 0 they wait for it.

    Returns:
        TensorDict ``[N]``: ``success`` bool, ``length`` (steps), ``phi [P]``; with ``record`` also
        ``trajectory [T]`` (keys of :mod:`robot.schema`, zero past an episode's length) and
        ``state [T + 1, nq]`` (positions of joints and objects, held past the end).

    Raises:
        ValueError: if the policy cannot be asked ahead, and is to be.
    """
    device = getattr(policy, "device", torch.device("cpu"))
    generator = torch.Generator(device).manual_seed(seed)
    env.set_seed(seed)
    batches: list[TensorDict] = []
    for rows in torch.arange(len(phi)).split(env.num_envs):
        chosen = phi[rows]
        padding = phi[rows[-1:]].expand(env.num_envs - len(rows), -1)
        running = torch.arange(env.num_envs) < len(rows)
        executor = _executor(env, policy, generator, lead)
        try:
            batch = _rollout_batch(
                env, policy, torch.cat([chosen, padding]), int(rows[0]), running, executor, record
            )
        finally:
            executor.close()
        batches.append(batch[: len(rows)])
        if on_batch is not None:
            on_batch(len(rows))
    return cast("TensorDict", TensorDict.cat(batches))


def _executor(env: Arms, policy: Policy, generator: torch.Generator, lead: int) -> ChunkExecutor:
    if not lead:
        return Waiting(policy, generator)
    waits = not isinstance(env, ArmEnv) or env.clock.waits
    return AskingAhead(policy, generator, lead, waits)


@torch.no_grad()
def _rollout_batch(
    env: Arms,
    policy: Policy,
    phi: Tensor,
    first: int,
    running: Tensor,
    executor: ChunkExecutor,
    record: bool,
) -> TensorDict:
    """One episode in each row where ``running [num_envs]``; the first row's number is given."""
    now = env.reset(phi=phi)
    seen = deque([now[OBSERVATION]] * policy.observation_horizon, policy.observation_horizon)
    success = torch.zeros(env.num_envs, dtype=torch.bool)
    length = torch.zeros(env.num_envs, dtype=torch.long)
    steps: list[TensorDict] = []
    states = [env.physics_state]
    number = first + torch.arange(env.num_envs)

    def look() -> tuple[TensorDict, Tensor]:
        window = _window(seen, running)
        episode = number[running, None, None].expand(-1, policy.observation_horizon, -1)
        return window.set("episode", episode), running

    while running.any():
        asked = running
        chunk = executor.next(look)
        sent: list[Tensor] = []
        for left, action in zip(range(chunk.shape[1], 0, -1), chunk.unbind(1), strict=True):
            executor.before_step(left, look)
            command = torch.where(asked[:, None], action, now[OBSERVATION, "last_command"])
            now.update({ACTION: command, "_step": running.clone()})
            now = env.step(now)
            if record:
                steps.append(_only(running, recorded(now)))
                states.append(env.physics_state)
            after = now["next"]
            sent.append(after[OBSERVATION, "last_command"])  # that of an arm at rest stays
            success |= (after["reward"].squeeze(-1) > 0) & running
            length += running
            ended = after["done"].squeeze(-1) & running
            running = running & ~ended
            now = after.select(*env.observation_spec.keys())
            seen.append(now[OBSERVATION])
            if not running.any():
                break
        if isinstance(policy, Remembering):
            sent += sent[-1:] * (chunk.shape[1] - len(sent))
            policy.executed(number[asked], torch.stack(sent, dim=1)[asked])
    out = TensorDict({"success": success, "length": length, "phi": phi}, batch_size=len(phi))
    if record:
        missing = env.task.max_steps - len(steps)
        steps += [torch.zeros_like(steps[0])] * missing
        states += [states[-1]] * missing
        out["trajectory"] = torch.stack(steps, dim=1)
        out["state"] = torch.stack(states, dim=1)
    return out


def _window(seen: deque[TensorDict], rows: Tensor) -> TensorDict:
    """The last observations of some rows as one, ``[B, To]``."""
    return cast("TensorDict", TensorDict.stack([now[rows] for now in seen], dim=1))


def _only(rows: Tensor, step: TensorDict) -> TensorDict:
    """The step with zeros in all other rows."""
    return cast("TensorDict", torch.where(rows, step, torch.zeros_like(step)))
