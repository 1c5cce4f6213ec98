"""Returns and advantages of decisions: the outer Markov decision process of DPPO.

Papers: GAE (Schulman et al. 2016, 1506.02438, eq. 16), DPPO (2409.00588, section 4.3).

Symbols: N episodes, D decisions of all of them, L most decisions of an episode.

One decision is one action chunk; the reward is sparse, 1 in the decision that succeeds. Whether an
episode ends by success or because its time is up, nothing is expected after it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def advantages_and_returns(
    episode: Tensor,
    index: Tensor,
    value: Tensor,
    success: Tensor,
    gamma: float,
    gae_lambda: float,
) -> tuple[Tensor, Tensor]:
    """GAE of each decision and the return its value is to predict.

    Nothing is expected after an episode's end, a time limit included: success within the limit is
    what counts, and the critic sees the time. Bootstrapping there instead would reward attempts
    that end where the critic is wrong, which nothing corrects.

    Args:
        episode: which episode a decision belongs to, long ``[D]``.
        index: its place in that episode, long ``[D]``: 0, 1, ...
        value: of what was seen at the decision, ``[D]``.
        success: whether each episode succeeded, bool ``[N]``.
        gamma: discount per decision.
        gae_lambda: 0 one-step advantages .. 1 whole returns.

    Returns:
        Advantages and returns, ``[D]`` each.
    """
    # Here, since it takes seconds: not everyone who imports a learner needs it.
    from torchrl.objectives.value.functional import generalized_advantage_estimate

    num_episodes = len(success)
    count = torch.bincount(episode, minlength=num_episodes)  # [N]
    places = torch.arange(int(count.max()), device=value.device)  # [L]
    values = value.new_zeros(num_episodes, len(places))
    values[episode, index] = value
    final = places == (count - 1)[:, None]  # [N, L]
    next_values = torch.where(final, 0.0, values.roll(-1, dims=1))
    won = final & success[:, None]
    advantage, target = generalized_advantage_estimate(
        gamma,
        gae_lambda,
        values[..., None],
        next_values[..., None],
        won.to(value.dtype)[..., None],
        done=final[..., None],
        terminated=final[..., None],
    )
    return advantage[episode, index, 0], target[episode, index, 0]


def returns_to_go(episode: Tensor, index: Tensor, success: Tensor, gamma: float) -> Tensor:
    """What each decision's episode brought after it, ``[D]``: gamma^(decisions left) or 0."""
    count = torch.bincount(episode, minlength=len(success))
    left = (count[episode] - 1 - index).to(torch.float32)
    return success[episode] * gamma**left


def explained_variance(value: Tensor, returns: Tensor) -> Tensor:
    """Share of the returns' variance that the values foresaw: 1 at best, 0 where there is none."""
    variance = returns.var()
    return torch.where(variance > 0, 1 - (returns - value).var() / variance, 0.0)
