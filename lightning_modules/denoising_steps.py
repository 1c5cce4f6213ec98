"""The denoising steps of decisions as samples to learn from: DPPO's inner decision process.

Symbols: D decisions, K' tuned denoising steps of each, Tp prediction horizon, A of an action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from tensordict import TensorDict
from torch import Tensor


def denoising_steps(
    decisions: TensorDict, chain: Tensor, log_prob: Tensor, pairs: Sequence[tuple[int, int]]
) -> TensorDict:
    """Every tuned step of every decision.

    Args:
        decisions: ``[D]``, whose fields each of their steps gets.
        chain: their tuned part, ``[D, K' + 1, Tp, A]``.
        log_prob: of each of its steps when it was drawn, ``[D, K']``.
        pairs: from which step k to which step j each of the K' goes, noisiest first.

    Returns:
        ``[D K']``: beside the decision's fields ``x_k [Tp, A]`` and ``x_j [Tp, A]``, ``k`` and
        ``j``, ``log_prob``, ``steps_left`` and ``progress`` (0 at the noisiest .. 1 at the last).
    """
    ones = torch.ones(len(decisions), device=chain.device)
    steps: list[TensorDict] = []
    for i, (k, j) in enumerate(pairs):
        step = decisions.copy()
        step["x_k"], step["x_j"] = chain[:, i], chain[:, i + 1]
        step["k"], step["j"] = (k * ones).long(), (j * ones).long()
        step["log_prob"] = log_prob[:, i]
        step["steps_left"] = (len(pairs) - 1 - i) * ones
        step["progress"] = (i / (len(pairs) - 1) if len(pairs) > 1 else 1.0) * ones
        steps.append(step)
    return cast("TensorDict", TensorDict.cat(steps))
