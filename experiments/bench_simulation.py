"""Environment steps a second, against raw ``mj_step`` in the same states."""

from __future__ import annotations

import time

import mujoco
import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.demonstrations import Demonstrations
from datamodules.pick_banana import PickBanana
from robot.record import demonstrate
from robot.schema import ACTION, OBSERVATION, PHI
from robot.simulation.environment import SimulatedArmEnv

FLOOR = 0
"""The number of threads that stands for raw ``mj_step``, which has one."""


def bench_simulation(
    batches: tuple[int, ...] = (1, 8, 64, 256),
    picks: int = 8,
    max_steps: int = 40,
    env_steps: int = 4000,
) -> dict[str, float]:
    """Steps a second of scripted picks by batch size and threads, and of the physics alone.

    Rates count CPU time (of the busier of two threads): what idle cores would give, on a machine
    that others use too. ``simulation/steps_per_s`` and its floor are those of batch 64 and one
    thread (or of the largest batch below it). ``simulation/scaling_2_threads`` is by the clock on
    the wall and needs two idle cores; with ``/by_cpu`` it needs none.

    Args:
        batches: sizes.
        picks: different episodes; a larger batch repeats them.
        max_steps: of an episode.
        env_steps: about how many each alternative takes, at least three episodes.
    """
    task = PickBanana("near", {"demonstrations": Demonstrations("nowhere")})
    phi, actions = scripted_picks(task, picks, max_steps)
    main = max((b for b in batches if b <= 64), default=batches[0])
    measured: dict[str, float] = {}
    for batch in batches:
        rounds = max(3, round(env_steps / batch / len(actions)))
        seconds = seconds_by_threads(task, batch, phi, actions, rounds)
        wall, cpu = ({n: float(s[i].sum()) for n, s in seconds.items()} for i in (0, 1))
        rates = {n: batch * len(actions) / total for n, total in cpu.items()}
        measured[f"simulation/steps_per_s/batch_{batch}"] = rates[1]
        measured[f"simulation/steps_per_s/batch_{batch}/threads_2"] = rates[2]
        measured[f"simulation/floor_steps_per_s/batch_{batch}"] = rates[FLOOR]
        if batch == main:
            measured["simulation/steps_per_s"] = rates[1]
            measured["simulation/floor_steps_per_s"] = rates[FLOOR]
            measured["simulation/scaling_2_threads"] = wall[1] / wall[2]
            measured["simulation/scaling_2_threads/by_cpu"] = cpu[1] / cpu[2]
    return measured


def scripted_picks(task: PickBanana, picks: int, max_steps: int) -> tuple[Tensor, Tensor]:
    """Where bananas lie ``[N, P]`` and how a scripted operator picks them up ``[T, N, A]``."""
    env = SimulatedArmEnv(task, picks, task.phi_set, seed=0)
    episodes = list(demonstrate(env, task.plan(), seed=0))
    steps = min(max_steps, *(len(episode) for episode in episodes))
    actions = torch.stack([episode[ACTION][:steps] for episode in episodes], dim=1)
    return torch.stack([episode[PHI][0] for episode in episodes]), actions


def seconds_by_threads(
    task: PickBanana, batch: int, phi: Tensor, actions: Tensor, rounds: int
) -> dict[int, Tensor]:
    """What each step of an episode takes with 1 and 2 threads, and ``FLOOR``, in turn.

    The episode is repeated from the same start; a step counts with its best time.

    Returns:
        ``[2, T]`` by number of threads: wall time, and CPU time of the busiest thread.
    """
    repeat = torch.arange(batch) % len(phi)
    envs = {n: SimulatedArmEnv(task, batch, task.phi_set, num_threads=n) for n in (1, 2)}
    best = {n: torch.full((2, len(actions)), torch.inf) for n in (FLOOR, *envs)}
    for _ in range(rounds):
        now: dict[int, TensorDictBase] = {}
        for n, env in envs.items():
            env.set_seed(0)
            now[n] = env.reset(phi=phi[repeat])
        for t, action in enumerate(actions[:, repeat]):
            states = envs[1].get_extra_state()["physics"]
            for n, env in envs.items():
                now[n][ACTION] = action
                clocks = read_clocks()
                after = env.step(now[n])["next"]
                best[n][:, t] = best[n][:, t].minimum(passed(clocks))
                now[n] = after.select(*env.observation_spec.keys())
            took = raw_steps(envs[1], states, now[1][OBSERVATION, "last_command"])
            best[FLOOR][:, t] = best[FLOOR][:, t].minimum(took)
    return best


def raw_steps(env: SimulatedArmEnv, states: list[Tensor], command: Tensor) -> Tensor:
    """Seconds (wall, CPU) that ``mj_step`` takes to step the environment's physics once.

    The targets stand still instead of being interpolated. One ``MjData`` serves all simulations,
    as on a thread of the environment; setting it to a state takes a few thousandths of a step.

    Args:
        env: whose model and period.
        states: each simulation's full state before the step.
        command: the targets ``[B, A]``.
    """
    targets = command.double().numpy().copy()
    targets[:, -1] /= 2  # each finger moves half of the opening
    model, full = env.model(0), mujoco.mjtState.mjSTATE_INTEGRATION.value
    data = mujoco.MjData(model)
    starts = [(state.numpy(), target) for state, target in zip(states, targets, strict=True)]
    clocks = read_clocks()
    for state, target in starts:
        mujoco.mj_setState(model, data, state, full)
        data.ctrl[:] = target
        mujoco.mj_step(model, data, env.substeps)
    return passed(clocks)


Clocks = tuple[float, float, float]


def read_clocks() -> Clocks:
    """Wall time; CPU time of this thread and of the process."""
    return time.perf_counter(), time.thread_time(), time.process_time()


def passed(since: Clocks) -> Tensor:
    """Wall time since then, and CPU time of the busier of two threads, s."""
    wall, mine, all_threads = (now - then for now, then in zip(read_clocks(), since, strict=True))
    return torch.tensor([wall, max(mine, all_threads - mine)])
