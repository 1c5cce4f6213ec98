"""Has an arm do again what an episode recorded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.arm_errors import RefusedCommandError
from robot.arm_session import go
from robot.schema import ACTION, OBSERVATION
from robot.servo_loop import ServoLoop


@dataclass(frozen=True)
class Replayed:
    """How near the arm came.

    Attributes:
        error: rad, root mean square over joints and steps, against what was measured when it was
            recorded.
        worst: rad.
        limited: steps in which a limit held a command back.
    """

    error: float
    worst: float
    limited: int


def replay(loop: ServoLoop, episode: TensorDict, rate: float) -> Replayed:
    """Drives the arm to where the episode began, slowly, then sends its commands at its rate.

    Args:
        loop: that drives the arm.
        episode: steps ``[T]`` of a store.
        rate: Hz.

    Raises:
        ArmError: if the arm is faulted, or a command is refused.
        RefusedCommandError: if the episode is of another kind of arm.
    """
    names = loop.arm.description.action_names
    commands: Tensor = episode[ACTION]
    if commands.shape[1] != len(names):
        raise RefusedCommandError(
            f"the episode commands {commands.shape[1]} joints, {loop.arm.description.name} has "
            f"{len(names)}: {', '.join(names)}"
        )
    observed: TensorDictBase = episode.get(OBSERVATION)
    start = torch.cat([observed["joint_position"][0], observed["gripper_opening"][0]])
    clock = loop.clock
    go([loop], [start.tolist()], clock)
    off: list[Tensor] = []
    limited, moment = 0, clock.now()
    for command, expected in zip(commands, observed["joint_position"], strict=True):
        off.append(loop.state.position[:-1] - expected)
        loop.follow(command.float(), 1 / rate)
        limited += loop.guard.limited is not None
        moment += 1 / rate
        loop.until(moment)
    apart = torch.stack(off)
    return Replayed(float(apart.square().mean().sqrt()), float(apart.abs().max()), limited)
