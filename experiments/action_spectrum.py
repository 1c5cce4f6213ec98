"""How jerky actions are: the share of their changes that is faster than half of what is possible.

Symbols: N episodes, T environment steps, A dimensions of an action.
"""

from __future__ import annotations

import torch
from torch import Tensor


def spectrum(actions: Tensor, length: Tensor, scale: Tensor, window: int = 16) -> Tensor:
    """Mean power spectrum of the changes from action to action.

    Changes, since an action is a place to go to, whose slow part is the way there. Every episode
    gives its whole windows of changes, each without its mean.

    Args:
        actions: ``[N, T, A]``.
        length: steps of each episode, long ``[N]``.
        scale: what makes the dimensions comparable, ``[A]``.
        window: changes that are transformed at a time.

    Returns:
        Power at the frequencies 1 .. window / 2 (in cycles a window), ``[window / 2]``.

    Raises:
        ValueError: if no episode is as long as a window.
    """
    changes = actions.diff(dim=1) / scale  # [N, T - 1, A]
    pieces = [
        piece
        for episode, steps in zip(changes, length.tolist(), strict=True)
        for piece in episode[: steps - 1].split(window)
        if len(piece) == window
    ]
    if not pieces:
        raise ValueError(f"no episode has more than {window} actions: there is no spectrum")
    stacked = torch.stack(pieces)
    frequencies = torch.fft.rfft(stacked - stacked.mean(1, keepdim=True), dim=1)
    return frequencies.abs().square()[:, 1:].mean((0, 2))


def high_frequency_share(power: Tensor) -> float:
    """Share of the power in the upper half of the frequencies."""
    return float(power[len(power) // 2 :].sum() / power.sum())
