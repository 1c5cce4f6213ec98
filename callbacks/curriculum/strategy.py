"""What a curriculum decides: where the next attempts start, and when the set of phi grows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from robot.phi import PhiSet, PhiSpace


@dataclass(frozen=True)
class Proposal:
    """A wider level that a strategy would go to.

    Attributes:
        level: the wider set; it contains the current one.
        ring: its new part alone.
    """

    level: PhiSet
    ring: PhiSet

    def describe(self, space: PhiSpace) -> str:
        """Where it goes, in a few words."""
        return "the level"


class Strategy(ABC):
    """Base of the strategies; subclass it to plug in one of your own.

    The callback tells it where to begin (:meth:`start`), asks for task parameters
    (:meth:`sample`), shows what became of them (:meth:`observe`), and asks where it would go next
    (:meth:`proposals`). It goes there (:meth:`accept`) only if the callback has measured that the
    policy succeeds at times on the ring. All its state is in :meth:`state_dict`.
    """

    space: PhiSpace
    whole: PhiSet
    level: PhiSet
    between: Sequence[PhiSet] = ()
    """The task's named sets between the first and the whole; told before it is started."""

    def __repr__(self) -> str:
        """Name and settings: those of a resumed run must be the same. A dataclass has its own."""
        return f"{type(self).__name__}()"

    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        """Begins at a level.

        Args:
            space: the task's parameters.
            first: where the beachhead is.
            whole: the largest set to reach.
        """
        self.space, self.level, self.whole = space, first, whole

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Task parameters for the next attempts, ``[n, P]``."""
        return self.level.sample(n, generator)

    def spread(self, n: int, generator: torch.Generator) -> Tensor:
        """The same for attempts that are to be compared: where the strategy can, evenly spread."""
        return self.sample(n, generator)

    def observe(self, phi: Tensor, success: Tensor) -> None:
        """Learns what became of attempts at ``phi [n, P]``.

        Args:
            phi: task parameters.
            success: of each episode, bool ``[n, H]``; H is 1 unless attempts are lifetimes.
        """
        return

    @property
    def no_op_trials(self) -> int:
        """How many trials of doing nothing it asks for before it begins."""
        return 0

    def observe_no_op(self, phi: Tensor, success: Tensor) -> None:
        """Learns where in the whole set doing nothing succeeds: ``phi [n, P]``, bool ``[n]``."""
        return

    def proposals(self) -> Iterator[Proposal]:
        """Wider levels that are due, each with its ring, one by one.

        Each is made after the one before it was taken or refused, from the level as it then is.
        """
        yield from ()

    def accept(self, proposal: Proposal, expected_return: float = 0.0) -> None:
        """Goes to a proposed level, whose ring was tried with this success; 0 if it was not."""
        self.level = proposal.level

    def refuse(self, proposal: Proposal) -> Proposal | None:
        """A smaller step in the same direction, or None where there is none."""
        return None

    @property
    @abstractmethod
    def progress(self) -> float:
        """How much of the way to the whole set is gone, 0 .. 1."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain numbers that say where it stands."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`; called after :meth:`start`."""
