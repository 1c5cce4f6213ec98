"""Search under a hidden task parameter: which hypothesis to act on next.

The best that can be done without seeing phi, up to its greed: act on the hypothesis most likely to
succeed, and after a miss count less on all that would have succeeded by it. Misses thereby do not
repeat. After a success: do the same again.

Symbols: N lifetimes, M hypotheses held, Q hidden dimensions.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from datamodules.hidden import Hidden
from robot.phi import PhiSpace

Choice = Literal["best", "posterior", "prior"]
HELD = 512  # hypotheses
# In how many steps what is seen is taken. Which hypothesis is best hangs by a hair: without steps
# nearly every angle has an order of its own, which is hard to learn.
STEPS = 12


class Search:
    """What N explorers believe, and what they try next.

    Args:
        task: the family.
        phi: where they are, ``[N, P]``; of its hidden part nothing is used.
        generator: of what is drawn.
        choice: ``best`` acts on the hypothesis most likely to succeed, always the same after the
            same misses, so that there is one search to learn and not many; ``posterior`` on one
            drawn by how likely it is true (Thompson 1933); ``prior`` on one drawn anew from all,
            whatever has failed before.

    Raises:
        ValueError: for another choice.
    """

    def __init__(
        self, task: Hidden, phi: Tensor, generator: torch.Generator, choice: Choice = "best"
    ) -> None:
        if choice not in get_args(Choice):
            raise ValueError(f"no choice {choice!r}; there are {', '.join(get_args(Choice))}")
        self._task, self._choice, self._generator = task, choice, generator
        self._visible = _coarse(task.phi_space, phi)
        held = torch.Generator().manual_seed(0) if choice == "best" else generator
        self._held = task.guesses(HELD, held)  # [M, Q]
        self._weight = torch.ones(len(phi), HELD)  # what is seen rules nothing out
        self._last = torch.zeros(len(phi), self._held.shape[-1])
        self._found = torch.zeros(len(phi), dtype=torch.bool)

    @property
    def found(self) -> Tensor:
        """Whose last hypothesis has succeeded, bool ``[N]``."""
        return self._found

    def next(self) -> Tensor:
        """What each acts on now, ``[N, Q]``."""
        looking = (~self._found).nonzero()[:, 0]
        self._last = self._last.index_put((looking,), self._held[self._chosen(looking)])
        return self._last

    def observe(self, success: Tensor) -> None:
        """What became of it, bool ``[N]``."""
        miss = 1 - self._chance(self._last[:, None], self._held[None])  # [N, M]
        missed = ~success & ~self._found
        if self._choice != "prior":
            self._weight[missed] *= miss[missed]
        self._found = self._found | success

    def _chosen(self, looking: Tensor) -> Tensor:
        """Which of the hypotheses held, long ``[n]``, for those who have found nothing yet."""
        if self._choice != "best":
            drawn = torch.multinomial(self._weight, 1, generator=self._generator)[:, 0]
            return drawn[looking]
        best = [looking[:0]]
        # n M M chances: a few lifetimes at a time.
        for rows in looking.split(16):
            chance = self._chance(
                self._held[None, :, None], self._held[None, None], self._visible[rows]
            )
            expected = (chance * self._weight[rows][:, None]).sum(-1)  # [n, M]
            best.append(expected.argmax(-1))
        return torch.cat(best)

    def _chance(self, hypothesis: Tensor, truth: Tensor, visible: Tensor | None = None) -> Tensor:
        """Success where one is acted on and another is true; the visible part is broadcast."""
        visible = self._visible if visible is None else visible
        lead = max(hypothesis.ndim, truth.ndim) - 2
        return self._task.chance(
            hypothesis, truth, visible.reshape(len(visible), *[1] * lead, visible.shape[-1])
        )


def _coarse(space: PhiSpace, phi: Tensor) -> Tensor:
    """The visible part of ``phi [N, P]``, in steps."""
    shown = [d for d in space.dimensions if d.visible]
    low, high = (torch.tensor([getattr(d, end) for d in shown]) for end in ("low", "high"))
    step = (high - low) / STEPS
    return low + ((space.visible(phi) - low) / step).round() * step
