"""What every arm can do, real, virtual or simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from robot.arm_description import ArmDescription


@dataclass(frozen=True)
class ArmState:
    """What an arm measured at a moment; ``A = J + 1`` joints, then the gripper.

    Attributes:
        position: ``[A]`` rad, and the gripper's opening in m.
        velocity: ``[A]`` rad/s and m/s.
        current: ``[A]`` A, the largest of a joint's servos.
        stamp: s, on the arm's clock.
    """

    position: Tensor
    velocity: Tensor
    current: Tensor
    stamp: float


class Arm(Protocol):
    """An arm. Whoever uses it calls ``connect`` first and ``close`` last, whatever happened."""

    @property
    def description(self) -> ArmDescription:
        """Joints and limits."""
        ...

    @property
    def degrees(self) -> float:
        """Temperature of its hottest servo, C, as far as was looked; NaN before."""
        ...

    def connect(self) -> None:
        """Makes it ready and has it hold its pose; nothing moves.

        Raises:
            ArmError: if it is not as it should be; says what is wrong.
        """
        ...

    def read(self) -> ArmState:
        """What it measures now.

        Raises:
            ArmError: if it cannot be trusted to be there, or to hold.
        """
        ...

    def command(self, target: Tensor) -> Tensor:
        """Sends targets ``[A]``, rad and m.

        Returns:
            What was sent.

        Raises:
            ArmError: if it cannot be sent; nothing moves then.
        """
        ...

    def hold(self, strict: bool = True) -> None:
        """Has it hold where it is, with torque, whatever it was told before.

        Args:
            strict: whether all of it has to; else what can.

        Raises:
            ArmError: if it does not, and was to be strict.
        """
        ...

    def restore(self) -> None:
        """Starts anew what has let go of it, after a fault, and sets it as it should be.

        What is started anew has no torque; :meth:`hold` gives it back.

        Raises:
            ArmError: if it is not as it should be after that.
        """
        ...

    def close(self) -> None:
        """Lets go of it: torque is off, whatever pose it is in. Again does nothing."""
        ...
