"""Task parameters phi: a space of named, bounded dimensions and sets inside it.

A phi set is a union of boxes. Curricula grow through nested sets; ``PhiSpace.nested`` refuses
a sequence in which one set does not contain the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine


@dataclass(frozen=True)
class Dimension:
    """One task parameter.

    Attributes:
        name: unique in its space.
        low: smallest value (SI, radians).
        high: largest value.
        visible: whether the observation shows it; a hidden one only has effects.
        unit: for people; empty where the parameter is a pure number.
        discrete: whether whole numbers are meant: everything from v up to v + 1 is the value v.
    """

    name: str
    low: float
    high: float
    visible: bool = True
    unit: str = ""
    discrete: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"dimension {self.name!r}: low {self.low} is above high {self.high}")
        if self.discrete and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError(
                f"dimension {self.name!r} is discrete: its bounds {self.low} and {self.high} must "
                "be whole numbers"
            )


@dataclass(frozen=True)
class Box:
    """Bounds per dimension, in the order of the space."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def bounds(self) -> Tensor:
        """Low and high bounds, ``[2, P]`` float64."""
        return torch.tensor([self.low, self.high], dtype=torch.float64)

    @classmethod
    def between(cls, bounds: Tensor) -> Box:
        """Inverse of :meth:`bounds`."""
        low, high = bounds.tolist()
        return cls(tuple(low), tuple(high))

    def contains_box(self, other: Box) -> bool:
        """Whether ``other`` lies inside this box (bounds may touch)."""
        return all(a <= b for a, b in zip(self.low, other.low, strict=True)) and all(
            a >= b for a, b in zip(self.high, other.high, strict=True)
        )

    def volume(self) -> float:
        """Product of the widths of the dimensions that have one; 1 for a single point."""
        widths = [h - lo for lo, h in zip(self.low, self.high, strict=True) if h > lo]
        return float(torch.tensor(widths, dtype=torch.float64).prod()) if widths else 1.0


def draw(weight: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Places ``[n]`` drawn in proportion to their weights ``[m]``; ``n`` may be 0."""
    if n == 0:  # which multinomial refuses
        return torch.empty(0, dtype=torch.long)
    return torch.multinomial(weight, n, replacement=True, generator=generator)


@dataclass(frozen=True)
class PhiSet:
    """A named union of boxes; samples are drawn in proportion to the boxes' volumes."""

    name: str
    boxes: tuple[Box, ...]

    def contains(self, phi: Tensor) -> Tensor:
        """Whether each phi ``[..., P]`` lies in the set; bool ``[...]``."""
        inside = torch.zeros(phi.shape[:-1], dtype=torch.bool)
        for box in self.boxes:
            low, high = torch.tensor(box.low), torch.tensor(box.high)
            inside |= ((phi >= low - 1e-6) & (phi <= high + 1e-6)).all(-1)
        return inside

    def contains_set(self, other: PhiSet) -> bool:
        """Whether every box of ``other`` lies inside one box of this set."""
        return all(any(mine.contains_box(box) for mine in self.boxes) for box in other.boxes)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draws ``n`` task parameters uniformly, ``[n, P]`` float32."""
        volumes = torch.tensor([box.volume() for box in self.boxes], dtype=torch.float64)
        which = draw(volumes, n, generator)
        return self._within(which, torch.rand(n, len(self.boxes[0].low), generator=generator))

    def spread(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` task parameters that cover the set evenly, ``[n, P]`` float32.

        Points of a scrambled Sobol sequence: each is distributed as one of :meth:`sample`, and the
        mean over them varies less.
        """
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
        sobol = SobolEngine(1 + len(self.boxes[0].low), scramble=True, seed=seed)
        drawn = sobol.draw(n)
        volumes = torch.tensor([box.volume() for box in self.boxes])
        bounds = (volumes / volumes.sum()).cumsum(0)[:-1].contiguous()
        return self._within(torch.bucketize(drawn[:, 0].contiguous(), bounds), drawn[:, 1:])

    def _within(self, which: Tensor, share: Tensor) -> Tensor:
        """Where in their boxes points lie, shares ``[n, P]`` of the way from low to high."""
        low = torch.tensor([box.low for box in self.boxes])[which]
        high = torch.tensor([box.high for box in self.boxes])[which]
        return low + (high - low) * share


@dataclass(frozen=True)
class PhiSpace:
    """The task parameters of a task: visible dimensions first, then hidden ones."""

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        names = [d.name for d in self.dimensions]
        if len(set(names)) != len(names):
            raise ValueError(f"phi dimensions share a name: {names}")
        visible = [d.visible for d in self.dimensions]
        if sorted(visible, reverse=True) != visible:
            raise ValueError(f"visible phi dimensions must come before hidden ones: {names}")

    def __len__(self) -> int:
        return len(self.dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the dimensions, in order."""
        return tuple(d.name for d in self.dimensions)

    @property
    def num_visible(self) -> int:
        """How many of the leading dimensions the observation shows."""
        return sum(d.visible for d in self.dimensions)

    def visible(self, phi: Tensor) -> Tensor:
        """The part of ``phi [..., P]`` that the observation shows."""
        return phi[..., : self.num_visible]

    def hidden(self, phi: Tensor) -> Tensor:
        """The part of ``phi [..., P]`` that only has effects."""
        return phi[..., self.num_visible :]

    def index(self, name: str) -> int:
        """Position of a dimension.

        Raises:
            ValueError: if there is no such dimension.
        """
        if name not in self.names:
            raise ValueError(f"no phi dimension {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def box(self, **bounds: tuple[float, float]) -> Box:
        """A box from bounds by name; dimensions left out keep their full range.

        Raises:
            ValueError: if a name is unknown or bounds leave the space.
        """
        low = [d.low for d in self.dimensions]
        high = [d.high for d in self.dimensions]
        for name, (lo, hi) in bounds.items():
            i = self.index(name)
            if not low[i] <= lo <= hi <= high[i]:
                raise ValueError(
                    f"phi dimension {name!r}: bounds {lo} to {hi} are not within "
                    f"{low[i]} to {high[i]}"
                )
            low[i], high[i] = lo, hi
        return Box(tuple(low), tuple(high))

    def around(self, center: Mapping[str, float], **distance: float) -> Box:
        """All within a distance of a center, by name, cut to the space.

        Raises:
            ValueError: if a name is unknown or the center leaves the space.
        """
        bounds: dict[str, tuple[float, float]] = {}
        for name, value in center.items():
            dimension = self.dimensions[self.index(name)]
            if not dimension.low <= value <= dimension.high:
                raise ValueError(
                    f"phi dimension {name!r}: the center {value} is not within "
                    f"{dimension.low} to {dimension.high}"
                )
            reach = distance.pop(name, 0.0)
            low, high = max(dimension.low, value - reach), min(dimension.high, value + reach)
            bounds[name] = (low, high)
        for name in distance:
            self.index(name)
            raise ValueError(f"phi dimension {name!r} has a distance and no center")
        return self.box(**bounds)

    def nested(self, sets: Sequence[PhiSet]) -> dict[str, PhiSet]:
        """Sets by name, after checking that each contains the one before.

        Raises:
            ValueError: if they are not nested or leave the space.
        """
        whole = PhiSet("space", (self.box(),))
        for smaller, larger in zip(sets, [*sets[1:], whole], strict=True):
            if not larger.contains_set(smaller):
                raise ValueError(f"phi set {larger.name!r} does not contain {smaller.name!r}")
        return {s.name: s for s in sets}


def named_set(sets: Mapping[str, PhiSet], name: str, task: str) -> PhiSet:
    """The phi set of a task that is called so.

    Raises:
        ValueError: if there is none; names those there are.
    """
    if name not in sets:
        raise ValueError(f"task {task!r} has no phi set {name!r}; there are {', '.join(sets)}")
    return sets[name]
