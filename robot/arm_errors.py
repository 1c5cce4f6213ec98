"""What can go wrong with an arm; each says in one sentence what it is and what to do."""

from __future__ import annotations


class ArmError(RuntimeError):
    """Something is wrong with the arm; whoever runs it has it held and parked."""


class BusError(ArmError):
    """Nothing, or nothing that can be trusted, comes from the port or from a servo."""


class ServoError(ArmError):
    """A servo reports an error of its own: it has let go, or is about to."""


class RefusedCommandError(ArmError):
    """A command is no number, or asks for what is not allowed; nothing was sent."""
