"""A learner that another one learns from: what it would do where the student is.

Symbols: B denoising steps of a minibatch, Tp prediction horizon, A dimensions of an action, C' of
the teacher's condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from lightning_modules.checkpoint import check_same_task, has_memory, read_checkpoint
from lightning_modules.diffusion import Schedule, filled
from lightning_modules.diffusion.one_step import one_step
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.meta_learner import MetaLearner
from lightning_modules.policy import load_learner


def load_teacher(path: str, student: DiffusionPolicy) -> DiffusionPolicy:
    """The teacher of a checkpoint, which never changes.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: one sentence, if it is for another task, sees or acts over other horizons, has
            another schedule, or one of the two has a memory and the other has none.
    """
    checkpoint = read_checkpoint(path)
    check_same_task(checkpoint, student.spec)
    if has_memory(checkpoint) != isinstance(student, MetaLearner):
        raise ValueError(
            f"the teacher {path} is a {checkpoint['policy']['class_path']}, the student a "
            f"{type(student).__name__}: both must have a memory, or neither"
        )
    teacher = load_learner(path)
    same_prediction = replace(teacher.schedule, prediction=student.schedule.prediction)
    for name, theirs, mine in (
        ("horizons", teacher.horizons, student.horizons),
        ("schedule", same_prediction, student.schedule),
    ):
        if theirs != mine:
            raise ValueError(f"the teacher's {name} is {theirs}, the student's {mine}")
    return teacher.to(student.device)


@torch.no_grad()
def teacher_targets(
    teacher: DiffusionPolicy,
    schedule: Schedule,
    x_k: Tensor,
    k: Tensor,
    j: Tensor,
    condition: Tensor,
) -> Tensor:
    """What the student's denoiser should output at denoising steps that it has taken.

    Where the student goes from k to j in one step and the teacher in several, it is to end where
    the teacher's steps lead without noise. A student of very few steps should predict v: read off a
    predicted epsilon, the clean chunk is all but undefined where there is hardly any signal.

    Args:
        teacher: the other one.
        schedule: the student's, which may predict something else.
        x_k: noisy chunks ``[B, Tp, A]``.
        k: denoising step of each sample, long ``[B]``.
        j: step each has gone to, long ``[B]``.
        condition: the teacher's, ``[B, C']``.

    Returns:
        ``[B, Tp, A]``.
    """
    targets = torch.empty_like(x_k)
    for start, end in {(int(a), int(b)) for a, b in zip(k.tolist(), j.tolist(), strict=True)}:
        rows = ((k == start) & (j == end)).nonzero().squeeze(-1)
        x, seen = x_k[rows], condition[rows]
        steps = _between(teacher, start, end)
        at = filled(start, x)
        if len(steps) == 2:
            output = teacher.denoise(x, start, seen)
            clean, noise = teacher.schedule.clean_and_noise(output, x, at)
        else:
            x_j = _without_noise(teacher, x, steps, seen)
            clean, noise = one_step(teacher.schedule, x, x_j, at, filled(end, x))
        targets[rows] = schedule.target(clean, noise, at)
    return targets


def _between(teacher: DiffusionPolicy, start: int, end: int) -> Sequence[int]:
    """The teacher's denoising steps on the way, both ends included."""
    return (start, *(s for s in teacher.sampler.steps(teacher.schedule) if end < s < start), end)


def _without_noise(
    teacher: DiffusionPolicy, x: Tensor, steps: Sequence[int], condition: Tensor
) -> Tensor:
    """Where the teacher's deterministic steps lead from ``x [B, Tp, A]``."""
    consistent = teacher.sampler.kind == "ddpm"
    for a, b in pairwise(steps):
        output, k, j = teacher.denoise(x, a, condition), filled(a, x), filled(b, x)
        x, _ = teacher.schedule.transition(output, x, k, j, eta=0.0, consistent=consistent)
    return x
