"""What an arm may be told to do. Every command, recorded or rolled out, passes through here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import yaml
from torch import Tensor

from robot.arm_description import ARMS, ArmDescription, load_arm
from robot.arm_errors import RefusedCommandError
from robot.forward_kinematics import forward_kinematics
from robot.self_collision import self_collision

# Of the way to a target that leads out of bounds: the most of it that does not is gone.
SHARES = (1.0, 0.75, 0.5, 0.25, 0.1)
NOTED = 0.02  # rad and m by which a command is held back so that it is worth a word


def clip_command(command: Tensor, last: Tensor, arm: ArmDescription, period: float) -> Tensor:
    """Clips commands to the arm's joint limits and, from the last command, to its speed limits.

    Args:
        command: joint targets (rad) and gripper opening (m), ``[..., J + 1]``.
        last: the command sent before, same shape.
        arm: whose limits apply.
        period: time in which the command is to be reached, s.

    Returns:
        The command to send, ``[..., J + 1]``.

    Raises:
        ValueError: if a command is not finite; nothing is sent then.
    """
    if not torch.isfinite(command).all():
        raise ValueError("a command holds NaN or infinity: refused, the arm keeps its last target")
    low, high, speed = (
        torch.tensor(bound, dtype=command.dtype, device=command.device)
        for bound in (arm.action_low, arm.action_high, arm.velocity_limit)
    )
    step = speed * period
    return command.clamp(last - step, last + step).clamp(low, high)


@dataclass(frozen=True)
class SafetyLimits:
    """What may be asked of an arm beyond its joints' ranges and speeds: ``safety`` of its file.

    Attributes:
        acceleration_limit: fastest change of a commanded speed ``[A]``, rad/s^2 and m/s^2.
        workspace: where the grasp point may be: lowest and highest x, y, z, m.
        over_table: least height of the hand over the table, m.
        clearance: between parts of the arm that are not neighbours, m.
        largest_jump: from one target to the next, rad or m.
        current_limit: of a servo, A, for at most ``current_time``, s.
        current_time: s.
        temperature_limit: of a servo, degrees C, at which it is time to rest.
        deadman: s without a new command after which the arm holds.
    """

    acceleration_limit: tuple[float, ...]
    workspace: tuple[tuple[float, ...], tuple[float, ...]]
    over_table: float
    clearance: float
    largest_jump: float
    current_limit: float
    current_time: float
    temperature_limit: float
    deadman: float


@lru_cache
def load_safety(arm: str) -> SafetyLimits:
    """The limits of an arm.

    Raises:
        ValueError: if there is no such arm.
    """
    load_arm(arm)  # refuses a name that is none
    data: dict[str, Any] = yaml.safe_load((ARMS / f"{arm}.yaml").read_text())["safety"]
    box = data.pop("workspace")
    data["acceleration_limit"] = tuple(map(float, data["acceleration_limit"]))
    return SafetyLimits(workspace=(tuple(box["low"]), tuple(box["high"])), **data)


class Guard:
    """Lets through what is safe of what is asked for, one command after the other.

    What is too fast is slowed down, what leads out of the workspace, into the table or into the
    arm itself is followed as far as it may be. An arm that is out of bounds already, as in its
    sleep pose, may go anywhere that is not further out.

    Args:
        arm: whose limits apply.
        table_height: m.

    Attributes:
        limited: what held the last command back: ``range`` of a joint, ``speed``, ``acceleration``,
            ``surroundings`` (workspace, table, the arm itself); None if nothing did.
    """

    def __init__(self, arm: ArmDescription, table_height: float = 0.0) -> None:
        self.arm = arm
        self.limited: str | None = None
        self.limits = load_safety(arm.name)
        self.table_height = table_height
        self._shape = self_collision(arm.name)
        # The shape is thicker than the arm: what it is in its rest, it may be.
        rest = self._shape.clearance(torch.tensor(arm.sleep))
        self._clearance = min(self.limits.clearance, rest)
        self._speed = torch.zeros(len(arm.action_names))

    def begin(self) -> None:
        """Forgets what was commanded: the arm is at rest."""
        self._speed = torch.zeros_like(self._speed)

    def allowed(self, target: Tensor, last: Tensor, period: float) -> Tensor:
        """What to send instead of a target ``[A]``, to be reached within ``period`` (s).

        Args:
            target: what is asked for.
            last: what was sent before.
            period: s.

        Raises:
            RefusedCommandError: if it holds NaN or infinity, or is further from the last than any
                movement goes.
        """
        if not torch.isfinite(target).all():
            raise RefusedCommandError(
                "a command holds NaN or infinity: refused, the arm keeps its last target"
            )
        jump = (target - last).abs()
        if float(jump.max()) > self.limits.largest_jump:
            name = self.arm.action_names[int(jump.argmax())]
            raise RefusedCommandError(
                f"a command is {float(jump.max()):.2f} from the last at {name}, more than "
                f"{self.limits.largest_jump}: refused, the arm keeps its last target"
            )
        slow = clip_command(target, last, self.arm, period)
        change = torch.tensor(self.limits.acceleration_limit) * period
        speed = ((slow - last) / period).clamp(self._speed - change, self._speed + change)
        smooth = last + speed * period
        sent = self._inside(smooth, last)
        self._speed = (sent - last) / period
        low, high = torch.tensor(self.arm.action_low), torch.tensor(self.arm.action_high)
        ways = {
            "range": (target, target.clamp(low, high)),
            "surroundings": (smooth, sent),
            "speed": (target, slow),
            "acceleration": (slow, smooth),
        }
        self.limited = next(
            (name for name, (a, b) in ways.items() if float((a - b).abs().max()) > NOTED), None
        )
        return sent

    def _inside(self, target: Tensor, last: Tensor) -> Tensor:
        """As far on the way to a target as the arm may go; fingers may always close."""
        allowed = max(0.0, self.depth(last))
        stays = torch.cat([last[:-1], target[-1:]])
        for share in SHARES:
            there = torch.lerp(stays, target, share)
            if self.depth(there) <= allowed:
                return there
        return stays

    def depth(self, command: Tensor) -> float:
        """How far a pose is out of bounds, m; not above 0 within them."""
        joints = command[:-1]
        point, _ = forward_kinematics(self.arm, joints)
        low, high = (torch.tensor(corner) for corner in self.limits.workspace)
        outside = torch.maximum(low - point, point - high).max()
        lowest = self.table_height + self.limits.over_table
        too_low = lowest - self._shape.lowest(joints)
        too_close = self._clearance - self._shape.clearance(joints)
        return max(float(outside), too_low, too_close)
