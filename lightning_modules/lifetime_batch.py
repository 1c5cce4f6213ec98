"""A batch of stored lifetimes as a meta-learner reads it: tokens and what to imitate.

Symbols: B lifetimes, H episodes of each, L most decisions of an episode, S = H L decisions, Ta and
Tp action and prediction horizon, A dimensions of an action, T environment steps of an episode.
"""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor

TYPICAL_DECISIONS = 10  # of an episode: brings the time to about 1


def decided(batch: TensorDictBase, action_horizon: int) -> Tensor:
    """Which decisions there are, bool ``[B, H, L]``: an episode may end early."""
    length: Tensor = batch["length"]
    starts = action_horizon * torch.arange(batch["observation"].shape[2], device=length.device)
    return starts < length[..., None]


def executed(batch: TensorDictBase, action_horizon: int, horizon: int) -> Tensor:
    """The actions from each decision on, ``[B, H, L, horizon, A]``; the last one is repeated."""
    length: Tensor = batch["length"]
    action: Tensor = batch["action"]  # [B, H, T, A]
    starts = action_horizon * torch.arange(batch["observation"].shape[2], device=length.device)
    steps = starts[:, None] + torch.arange(horizon, device=length.device)  # [L, horizon]
    last = (length - 1).clamp(min=0)[..., None, None]
    rows = torch.minimum(steps.expand(*length.shape, -1, -1), last)  # [B, H, L, horizon]
    flat = rows.flatten(2)[..., None].expand(-1, -1, -1, action.shape[-1])
    return action.gather(2, flat).unflatten(2, rows.shape[2:])


def before(values: Tensor, there: Tensor) -> Tensor:
    """Of each decision the value of the one before it in its lifetime; zero before the first.

    Args:
        values: of decisions, in order, ``[B, S, ...]``.
        there: which decisions there are, bool ``[B, S]``.
    """
    places = torch.arange(there.shape[1], device=there.device).expand_as(there)
    latest = torch.where(there, places, -1).cummax(1).values  # [B, S] the last one up to here
    previous = torch.cat([torch.full_like(latest[:, :1], -1), latest[:, :-1]], dim=1)
    index = previous.clamp(min=0).reshape(*previous.shape, *[1] * (values.ndim - 2))
    found = values.gather(1, index.expand_as(values))
    return torch.where((previous >= 0).reshape(index.shape), found, torch.zeros_like(found))


def signals(there: Tensor, success: Tensor) -> Tensor:
    """What tokens say beside what was seen and done, ``[B, S, 3]``.

    Whether the episode before succeeded (at the first decision of one), whether an episode begins,
    and the time in it.

    Args:
        there: which decisions there are, bool ``[B, H, L]``.
        success: of each episode, bool ``[B, H]``.
    """
    begins = torch.zeros_like(there)
    begins[..., 0] = True
    won = torch.cat([torch.zeros_like(success[:, :1]), success[:, :-1]], dim=1)
    time = torch.arange(there.shape[2], device=there.device) / TYPICAL_DECISIONS
    told = [begins * won[..., None], begins, time.expand_as(there)]
    return torch.stack(told, dim=-1).float().flatten(1, 2)
