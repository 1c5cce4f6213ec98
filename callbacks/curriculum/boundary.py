"""Boundary expansion: try the edge of what is mastered, and move it out where that works.

Source: automatic domain randomisation (OpenAI 2019, 1910.07113, algorithm 1). Every task parameter
has two bounds; part of the attempts sit on one of them, and decide whether that bound moves.
Beyond the source, steps grow: a bound beyond which the policy already succeeds moves twice as far
the next time, so that what it can do is not tried out inch by inch. Bounds of a discrete parameter
move by whole values: their ring is the new value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from callbacks.curriculum.strategy import Proposal, Strategy
from robot.phi import Box, PhiSet, PhiSpace, draw

LOW, HIGH = 0, 1


@dataclass(frozen=True)
class Move(Proposal):
    """One bound, a step further out.

    Attributes:
        side: ``LOW`` or ``HIGH``.
        dimension: of which task parameter.
        step: as a share of the way from the first to the whole set's bound.
    """

    side: int
    dimension: int
    step: float

    @override
    def describe(self, space: PhiSpace) -> str:
        bound = "lower" if self.side == LOW else "upper"
        return f"the {bound} bound of {space.names[self.dimension]}"


@dataclass(eq=False)
class BoundaryExpansion(Strategy):
    """Widens a box of task parameters bound by bound.

    Attributes:
        step: how far a bound moves at first, as a share of the way from the first to the whole
            set's.
        boundary: share of the attempts that sit on a bound; the rest is spread over the box.
        rehearsal: share of the attempts in the first set, which is soon a small part of the box and
            would be forgotten.
        widen: success on a bound from which on it moves out.
        shrink: success on a bound under which it moves back in. One that has reached the whole
            set's is tried no more, and stays.
        attempts: on a bound before it is judged.
        leap: success on a ring from which on the next step of that bound is twice as large.

    Raises:
        ValueError: if a setting is out of range.
    """

    step: float = 0.1
    boundary: float = 0.5
    rehearsal: float = 0.1
    widen: float = 0.6
    shrink: float = 0.2
    attempts: int = 32
    leap: float = 0.6

    def __post_init__(self) -> None:
        if not 0 < self.step <= 1 or not 0 < self.boundary <= 1:
            raise ValueError(
                f"step is {self.step} and boundary {self.boundary}, both must be in (0, 1]"
            )
        rest = 1 - self.boundary
        if not 0 <= self.rehearsal <= rest + 1e-9:  # 0.1 is above 1 - 0.9
            raise ValueError(
                f"rehearsal is {self.rehearsal}, it must be in [0, 1 - boundary], that is to "
                f"{rest:g}"
            )
        if not 0 <= self.shrink < self.widen <= 1:
            raise ValueError(
                f"shrink is {self.shrink} and widen {self.widen}: 0 <= shrink < widen <= 1"
            )
        if not 1 <= self.attempts < math.inf or not 0 < self.leap <= 1:
            raise ValueError(
                f"attempts is {self.attempts}, it must be at least 1, and leap {self.leap}, "
                "in (0, 1]"
            )

    @override
    def start(self, space: PhiSpace, first: PhiSet, whole: PhiSet) -> None:
        super().start(space, first, whole)
        if len(first.boxes) != 1 or len(whole.boxes) != 1:
            raise ValueError("boundary expansion takes levels of one box each")
        self._discrete = torch.tensor([d.discrete for d in space.dimensions])
        for phi_set in (first, whole):
            uneven = phi_set.boxes[0].bounds() % 1 != 0
            if (uneven & self._discrete).any():
                raise ValueError(
                    f"phi set {phi_set.name!r} ends within a value of a discrete task parameter"
                )
        self._beginning = first
        self._first = first.boxes[0].bounds()  # [2, P]
        self._whole = whole.boxes[0].bounds()
        # Share of the way of each bound; one without a way has gone all of it.
        self._gone = (self._first == self._whole).to(self._first)
        self._steps = torch.full_like(self._first, self.step)
        self._tried = torch.zeros_like(self._first)
        self._won = torch.zeros_like(self._first)

    @override
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        phi = self.level.sample(n, generator)
        side, dimension = self._movable(round(n * self.boundary), generator)
        rows = torch.arange(len(side))
        on = self._bounds()[side, dimension].float()
        if self._discrete.any():  # anywhere within the outermost value
            inside = torch.rand(len(side), generator=generator)
            on += torch.where(side == LOW, inside, inside - 1) * self._discrete[dimension]
        phi[rows, dimension] = on
        if rehearsed := round(n * self.rehearsal):
            phi[-rehearsed:] = self._beginning.sample(rehearsed, generator)
        return phi

    @override
    def observe(self, phi: Tensor, success: Tensor) -> None:
        on = self._on_bounds(phi)
        self._tried += on.sum(0)
        self._won += (on & success[:, -1, None, None]).sum(0)  # in the end, having adapted
        due = self._tried >= self.attempts
        retreats = (self._gone > 0) & (self._first != self._whole)
        back = due & (self._won < self.shrink * self._tried) & retreats
        if back.any():
            self._gone[back] = (self._gone - self._least())[back].clamp(min=0)
            self._steps[back] = self.step
            self.level = self._at(self._gone)
        ready = due & (self._won >= self.widen * self._tried) & (self._gone < 1)
        forget = due & ~ready
        self._tried[forget], self._won[forget] = 0, 0

    @override
    def proposals(self) -> Iterator[Proposal]:
        ready = (self._tried >= self.attempts) & (self._gone < 1)
        # Not beyond the whole set: smaller and smaller steps would try the same ring again.
        steps = self._steps.minimum(1 - self._gone)
        for i, j in ready.nonzero():
            yield self._proposal(int(i), int(j), float(steps[i, j]))

    @override
    def accept(self, proposal: Proposal, expected_return: float = 0.0) -> None:
        assert isinstance(proposal, Move)
        i, j = proposal.side, proposal.dimension
        self._steps[i, j] = proposal.step * (2 if expected_return >= self.leap else 1)
        self._gone = self._further(i, j, proposal.step)
        self._tried[i, j] = self._won[i, j] = 0
        self.level = self._at(self._gone)

    @override
    def refuse(self, proposal: Proposal) -> Proposal | None:
        assert isinstance(proposal, Move)
        i, j = proposal.side, proposal.dimension
        low, high = proposal.ring.boxes[0].bounds()[:, j].tolist()
        one_value = bool(self._discrete[j]) and high - low <= 1
        if proposal.step > self.step / 4 and not one_value:
            return self._proposal(i, j, proposal.step / 2)
        self._steps[i, j] = self.step
        self._tried[i, j] = self._won[i, j] = 0
        return None

    def _proposal(self, side: int, dimension: int, step: float) -> Move:
        level = self._at(self._further(side, dimension, step))
        ring = level.boxes[0].bounds()
        ring[1 - side, dimension] = self._bounds()[side, dimension]
        return Move(level, PhiSet("ring", (Box.between(ring),)), side, dimension, step)

    def _movable(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Bounds for ``n`` attempts, drawn evenly from those that are not at their end."""
        movable = (self._gone < 1).flatten()
        if not movable.any():
            return torch.empty(0, dtype=torch.long), torch.empty(0, dtype=torch.long)
        drawn = draw(movable.float(), n, generator)
        return drawn // len(self.space), drawn % len(self.space)

    def _on_bounds(self, phi: Tensor) -> Tensor:
        """Which of ``phi [n, P]`` sit on which bound, bool ``[n, 2, P]``."""
        bounds = self._bounds().float()
        near = torch.isclose(phi[:, None], bounds, rtol=0, atol=1e-7)
        outermost = torch.stack([phi < bounds[LOW] + 1, phi >= bounds[HIGH] - 1], dim=1)
        return outermost.where(self._discrete, near)

    def _further(self, side: int, dimension: int, step: float) -> Tensor:
        """How far each bound is when one has moved by a step, or by one value at least."""
        gone = self._gone.clone()
        moved = float(gone[side, dimension]) + step
        if self._discrete[dimension]:
            least = float(self._least()[side, dimension])
            moved = math.ceil(moved / least - 1e-9) * least
        # Ten steps of a tenth are all of the way, whatever floating point makes of them.
        gone[side, dimension] = 1.0 if moved > 1 - 1e-9 else moved
        return gone

    def _least(self) -> Tensor:
        """The least that each bound moves, as a share of its way ``[2, P]``: one value at least."""
        way = (self._whole - self._first).abs()
        least = torch.full_like(way, self.step)
        return torch.where(self._discrete & (way > 0), 1 / way.clamp(min=1), least)

    def _at(self, gone: Tensor) -> PhiSet:
        moved = self._first + gone * (self._whole - self._first)
        moved = moved.round().where(self._discrete, moved)  # floating point aside
        return PhiSet("level", (Box.between(moved.where(gone < 1, self._whole)),))

    def _bounds(self) -> Tensor:
        return self.level.boxes[0].bounds()

    @property
    @override
    def progress(self) -> float:
        way = self._first != self._whole
        return float(self._gone[way].mean()) if way.any() else 1.0

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            "gone": self._gone.clone(),
            "steps": self._steps.clone(),
            "tried": self._tried.clone(),
            "won": self._won.clone(),
        }

    @override
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._gone, self._steps = state["gone"].clone(), state["steps"].clone()
        self._tried, self._won = state["tried"].clone(), state["won"].clone()
        self.level = self._at(self._gone)
