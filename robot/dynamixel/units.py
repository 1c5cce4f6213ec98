"""Joints in rad and the gripper in m, as positions and speeds of servos and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from robot.dynamixel.control_table import control_table
from robot.dynamixel.register_units import CENTER, CURRENT, SPEED, TICK
from robot.dynamixel.wiring import Wiring

# A servo without a current sensor says its load there, in 0.1 % of what it gives at 1.4 A.
LOAD_UNIT = 1.4e-3


class ServoUnits:
    """Converts for one arm; arrays are in action order, joints first.

    Args:
        wiring: which servo leads which joint.
    """

    def __init__(self, wiring: Wiring) -> None:
        self.linkage = wiring.linkage
        self.leaders = [servo.id for servo in wiring.leaders]
        self._wired = wiring.leaders
        self._amperes = {
            servo.id: CURRENT if "Present Current" in control_table(servo.model) else LOAD_UNIT
            for servo in wiring.servos
        }
        self._of_joint = [
            [servo.id for servo in wiring.servos if servo.joint == leader.joint]
            for leader in wiring.leaders
        ]

    def goals(self, target: Tensor) -> dict[int, int]:
        """Goal positions by servo, of targets ``[A]``; within each servo's limits."""
        angles = target.tolist()
        angles[-1] = self.linkage.angle(angles[-1])
        return {
            servo.id: servo.within(round(CENTER + angle / TICK))
            for servo, angle in zip(self._wired, angles, strict=True)
        }

    def positions(self, ticks: Sequence[int]) -> Tensor:
        """Positions ``[A]`` of the leaders' ticks."""
        angles = [(tick - CENTER) * TICK for tick in ticks]
        angles[-1] = self.linkage.opening(angles[-1])
        return torch.tensor(angles)

    def velocities(self, units: Sequence[int], ticks: Sequence[int]) -> Tensor:
        """Speeds ``[A]`` of the leaders' units, at their ticks."""
        speeds = [unit * SPEED for unit in units]
        angle, step = (ticks[-1] - CENTER) * TICK, 1e-4
        opening = self.linkage.opening
        speeds[-1] *= (opening(angle + step) - opening(angle - step)) / (2 * step)
        return torch.tensor(speeds)

    def currents(self, units: Mapping[int, int]) -> Tensor:
        """Currents ``[A]``, A: the largest of each joint's servos that are there."""
        largest = [
            max((abs(units[i]) * self._amperes[i] for i in servos if i in units), default=0.0)
            for servos in self._of_joint
        ]
        return torch.tensor(largest)
