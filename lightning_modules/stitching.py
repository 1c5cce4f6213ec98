"""Better lifetimes from the episodes of many: what should have been tried, and in which order.

Lifetimes that share their noise try the same things in the same order, each at a task parameter of
its own. What was tried by D such draws, at H shots each, are D H candidates, and whether each
succeeds was seen at all of C task parameters. The order that finds most is put together greedily
(the first candidate succeeds at most task parameters, the next at most of those that are left: at
least 1 - 1/e of what the best order covers, Nemhauser et al. 1978). Once something has succeeded,
it is done again. What was meant by the reward alone is thereby a demonstration of how to search.

Sources: stitching of trajectories in offline reinforcement learning (Kumar et al. 2022,
2204.05618); that one kept from telling the learner of its successes goes on trying is ours.

Symbols: D draws of noise, C task parameters, H episodes of a lifetime, L decisions of an episode.
"""

from __future__ import annotations

from typing import cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from lightning_modules.lifetime_batch import before, signals


def miss_of(success: Tensor, worlds: int) -> Tensor:
    """Whose memory each lifetime goes on with after an episode, long ``[N]``: one that has missed.

    Args:
        success: of the episode, bool ``[N]``.
        worlds: how many lifetimes, one after the other, look alike and share a memory.
    """
    missed = success.view(-1, worlds).long().argmin(1)  # the first in which it has
    search = torch.arange(len(missed), device=success.device)
    return (search * worlds + missed).repeat_interleave(worlds)


def search_order(success: Tensor) -> Tensor:
    """The candidates to try one after the other, long ``[H, 2]``: draw and shot of each.

    Args:
        success: of what was tried, bool ``[D, C, H]``.
    """
    _, count, shots = success.shape
    worked = success.permute(0, 2, 1).reshape(-1, count).float()  # [D H, C]
    left = torch.ones(count, device=success.device)
    order: list[Tensor] = []
    for _ in range(shots):
        best = (worked @ left).argmax()
        order.append(torch.stack([best // shots, best % shots]))
        left = left * (1 - worked[best])
    return torch.stack(order)


def episodes_of(success: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Which candidate each task parameter's lifetime has at each shot, and what comes of it.

    Args:
        success: of what was tried, bool ``[D, C, H]``.
        order: of the search, ``[H, 2]``.

    Returns:
        Which of the order, long ``[C, H]``, and success, bool ``[C, H]``.
    """
    found = success[order[:, 0], :, order[:, 1]].T  # [C, H]
    shots = torch.arange(found.shape[1], device=found.device).expand_as(found)
    first = torch.where(found.any(1), found.long().argmax(1), found.shape[1])[:, None]
    return torch.minimum(shots, first), shots >= first


def stitched(episodes: TensorDictBase, success: Tensor) -> TensorDict:
    """The lifetimes that should have been lived, ``[C]``, of decisions ``[H L]``.

    Args:
        episodes: ``[D, C, H, L]``: ``seen``, ``done`` (what was executed), ``chunk``, ``there``.
        success: bool ``[D, C, H]``.

    Returns:
        ``seen``, ``rest`` (of the tokens), ``chunk``, ``there``.
    """
    order = search_order(success)
    which, won = episodes_of(success, order)
    row = torch.arange(len(which), device=which.device)[:, None]
    taken = cast("TensorDict", episodes[order[which, 0], row, order[which, 1]])  # [C, H, L]
    there: Tensor = taken["there"]
    flat = there.flatten(1)
    rest = torch.cat([before(taken["done"].flatten(1, 2), flat), signals(there, won)], dim=-1)
    fields = {name: taken[name].flatten(1, 2) for name in ("seen", "chunk")}
    return TensorDict({**fields, "rest": rest, "there": flat}, batch_size=len(which))
