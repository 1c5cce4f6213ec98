"""Rolls a policy out: action chunks, executed step by step, on a batch of arms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

import torch
from tensordict import TensorDict
from torch import Tensor

from robot.arm_env import ArmEnv
from robot.arm_errors import ArmError
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
        ``state [T + 1, nq]`` (positions of joints and objects, held past the end). Driven arms have
        ``aborted``, bool: whether a fault has ended the episode, which then counts for nothing.

    Raises:
        ArmError: if no arm works any more.
        ValueError: if the policy cannot be asked ahead, and is to be.
    """
    device = getattr(policy, "device", torch.device("cpu"))
    generator = torch.Generator(device).manual_seed(seed)
    env.set_seed(seed)
    left = list(range(len(phi)))
    done: list[TensorDict] = []
    while left:
        slots = _working(env)
        rows, left = left[: len(slots)], left[len(slots) :]
        slots = slots[: len(rows)]
        chosen = phi[rows[-1:]].repeat(env.num_envs, 1)
        chosen[slots] = phi[rows]
        number = torch.full((env.num_envs,), rows[-1])
        number[slots] = torch.tensor(rows)
        executor = _executor(env, policy, generator, lead)
        try:
            batch = _rollout_batch(env, policy, chosen, number, slots, executor, record)
        finally:
            executor.close()
        done.append(batch[slots])
        if on_batch is not None:
            on_batch(len(rows))
    return cast("TensorDict", TensorDict.cat(done))


def completed(episodes: TensorDict) -> TensorDict:
    """Those that no fault has ended."""
    return episodes[~episodes["aborted"]] if "aborted" in episodes else episodes


def _working(env: Arms) -> Tensor:
    """The arms that can be used, long ``[n]``.

    Raises:
        ArmError: if none can.
    """
    if not isinstance(env, ArmEnv):
        return torch.arange(env.num_envs)
    slots = env.working.nonzero().squeeze(-1)
    # Whether one that has failed has come back is known after a reset alone.
    return slots if len(slots) else torch.arange(env.num_envs)


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
    number: Tensor,
    slots: Tensor,
    executor: ChunkExecutor,
    record: bool,
) -> TensorDict:
    """One episode in each of the ``slots [n]``; ``number [num_envs]`` says which it is."""
    now = env.reset(phi=phi)
    running = torch.zeros(env.num_envs, dtype=torch.bool)
    running[slots] = True
    if isinstance(env, ArmEnv):
        if not env.working.any():
            raise ArmError(f"no arm works any more: {env.trouble}")
        running &= ~env.aborted
        if record and not running.any():
            raise ArmError(f"no episode could begin: {env.trouble}")
    seen = deque([now[OBSERVATION]] * policy.observation_horizon, policy.observation_horizon)
    success = torch.zeros(env.num_envs, dtype=torch.bool)
    length = torch.zeros(env.num_envs, dtype=torch.long)
    steps: list[TensorDict] = []
    states = [env.physics_state]

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
    if isinstance(env, ArmEnv):
        out["aborted"] = env.aborted.clone()
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
