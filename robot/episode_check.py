"""What an episode must be before it is stored or learned from; each fault is one sentence."""

# tensordict ships partial type information: what it leaves unknown is not ours.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import torch
from tensordict import TensorDictBase

from robot.schema import (
    ACTION,
    COMMAND_TIME,
    DONE,
    OBSERVATION,
    OBSERVATION_TIME,
    REWARD,
    TERMINATED,
    TRUNCATED,
    TaskSpec,
)

Key = str | tuple[str, ...]


def describe_key(key: Key) -> str:
    """A key as people write it, ``observation/joint_position``."""
    return key if isinstance(key, str) else "/".join(key)


def check_episode(episode: TensorDictBase, spec: TaskSpec) -> None:
    """Checks that an episode belongs to a task and holds numbers only.

    Args:
        episode: batch size ``[T]``, keys of :mod:`robot.schema`; ``phi`` and observation fields
            that the task's policies do not read may be absent or additional.
        spec: the task.

    Raises:
        ValueError: naming the field, and the step where there is one.
    """
    if episode.batch_dims != 1 or episode.batch_size[0] == 0:
        raise ValueError(
            f"an episode needs batch size [T] with T >= 1, this one has {list(episode.batch_size)}"
        )
    steps = episode.batch_size[0]
    lengths: dict[Key, int] = {(OBSERVATION, name): len(r) for name, r in spec.observation.items()}
    lengths[ACTION] = spec.action_dim
    scalars = (OBSERVATION_TIME, COMMAND_TIME, REWARD, TERMINATED, TRUNCATED, DONE)
    lengths.update(dict.fromkeys(scalars, 1))
    for key, length in lengths.items():
        value = episode.get(key, None)
        if value is None:
            raise ValueError(f"episode of task {spec.task!r} lacks {describe_key(key)!r}")
        if value[0].numel() != length:
            raise ValueError(
                f"{describe_key(key)!r} has shape {list(value.shape)}, "
                f"task {spec.task!r} expects {length} numbers for each of {steps} steps"
            )
    check_finite(episode)
    backwards = (episode.get(OBSERVATION_TIME).flatten().diff() <= 0).nonzero()
    if len(backwards):
        raise ValueError(
            f"{OBSERVATION_TIME!r} does not increase at step {int(backwards[0, 0]) + 1}"
        )


def check_finite(episode: TensorDictBase) -> None:
    """Checks every floating-point leaf of an episode ``[T]``.

    Raises:
        ValueError: if a number is NaN or infinite; names the first such field and its step.
    """
    for key in episode.keys(include_nested=True, leaves_only=True):
        value = episode.get(key)
        if not value.is_floating_point():
            continue
        bad = (~value.isfinite()).flatten(1).any(1) if value.ndim > 1 else ~value.isfinite()
        if bool(bad.any()):
            step = int(torch.nonzero(bad)[0, 0])
            raise ValueError(
                f"{describe_key(key)!r} holds a number that is not finite at step {step}"
            )
