"""Where the time of an environment step and of a training step goes, by cProfile.

A profiler slows down what is written in Python: shares of such parts are upper bounds.
"""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from typing import Any

import torch

from datamodules.demonstrations import Demonstrations
from datamodules.pick_banana import PickBanana
from experiments.bench_denoisers import DENOISERS, Learner, made_up_batch
from robot.schema import ACTION, OBSERVATION

# Part by file and function; parts do not contain each other.
ENV_STEP = {
    "MuJoCo": ("mujoco/batch.py", "rollout"),
    "grasp point (forward kinematics)": ("robot/forward_kinematics.py", "forward_kinematics"),
    "object rotations": ("robot/simulation/world.py", "first_two_columns"),
    "observation": ("robot/simulation/environment.py", "_observe"),
    "clipping of commands": ("robot/safety.py", "clip_command"),
    "success test": ("datamodules/pick_banana.py", "success"),
    "TorchRL's checks": ("torchrl/envs/common.py", "_step_proc_data"),
}
TRAIN_STEP = {
    "loss": ("lightning_modules/diffusion_policy.py", "_loss"),
    "gradient": ("torch/_tensor.py", "backward"),
    "AdamW": ("torch/optim/adam.py", "step"),
}


def bench_profile(repeats: int = 100) -> dict[str, float]:
    """Shares by ``profile/env_step/batch_<n>/<part>`` and ``profile/train_step/mlp/<part>``."""
    measured: dict[str, float] = {}
    for batch in (1, 64):
        part = shares(env_step(batch), ENV_STEP, max(2, repeats if batch == 1 else repeats // 4))
        measured |= {f"profile/env_step/batch_{batch}/{k}": v for k, v in part.items()}
    learner = Learner(DENOISERS["mlp"])
    part = shares(training_step(learner), TRAIN_STEP, max(2, repeats // 4))
    return measured | {f"profile/train_step/mlp/{k}": v for k, v in part.items()}


def shares(
    call: Callable[[], Any], parts: dict[str, tuple[str, str]], repeats: int
) -> dict[str, float]:
    """Part of the time of ``call`` that each function and what it calls take; and the rest."""
    call()
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeats):
        call()
    profile.disable()
    total, taken = 0.0, dict.fromkeys(parts, 0.0)
    for entry in profile.getstats():
        total += entry.inlinetime
        if isinstance(entry.code, str):  # a function of C, counted with its caller
            continue
        for part, (file, function) in parts.items():
            if entry.code.co_name == function and entry.code.co_filename.endswith(file):
                taken[part] += entry.totaltime
    found = {part: seconds / total for part, seconds in taken.items()}
    return {**found, "the rest": 1.0 - sum(found.values())}


def env_step(batch: int) -> Callable[[], None]:
    """Steps ``batch`` arms that wave about."""
    task = PickBanana("near", {"demonstrations": Demonstrations("nowhere")})
    env = task.environment(batch, num_threads=1)
    now = env.reset()
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        nonlocal now
        last = now[OBSERVATION, "last_command"]
        now[ACTION] = last + 0.05 * torch.randn(last.shape, generator=generator)
        now = env.step(now)["next"].select(*env.observation_spec.keys())

    return step


def training_step(learner: Learner) -> Callable[[], None]:
    """A training step on noise."""
    batch, generator = made_up_batch(256), torch.Generator().manual_seed(0)
    return lambda: learner.optimize(batch, generator)
