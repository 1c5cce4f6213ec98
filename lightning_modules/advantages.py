"""Returns and advantages of decisions, in an episode or in a lifetime of several.

The outer Markov decision process of DPPO.

Papers: GAE (Schulman et al. 2016, 1506.02438, eq. 16), DPPO (2409.00588, section 4.3).

Symbols: N episodes (or lifetimes), D decisions of all of them, L most decisions of an episode, S
most decisions of a lifetime.

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


def lifetime_advantages(
    there: Tensor, last: Tensor, reward: Tensor, value: Tensor, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """GAE of each decision of lifetimes, and the return its value is to predict.

    What is found out in one episode pays in those after it: advantages go on where an episode ends
    and are cut where a lifetime does. In an episode nothing is discounted, since all that counts is
    whether it succeeds; from one to the next ``gamma`` is.

    Args:
        there: which decisions there are, bool ``[N, S]``.
        last: which are the last of their episode, bool ``[N, S]``.
        reward: of each, ``[N, S]``.
        value: of what was seen and remembered at each, ``[N, S]``.
        gamma: discount from an episode to the next.
        gae_lambda: 0 one-step advantages .. 1 whole returns.

    Returns:
        Advantages and returns, ``[N, S]`` each; 0 where there is no decision.
    """
    advantage = torch.zeros_like(value)
    next_value, next_advantage = torch.zeros_like(value[:, 0]), torch.zeros_like(value[:, 0])
    for s in reversed(range(value.shape[1])):
        discount = torch.where(last[:, s], gamma, 1.0)
        error = reward[:, s] + discount * next_value - value[:, s]
        found = error + discount * gae_lambda * next_advantage
        advantage[:, s] = torch.where(there[:, s], found, 0.0)
        next_value = torch.where(there[:, s], value[:, s], next_value)
        next_advantage = torch.where(there[:, s], found, next_advantage)
    return advantage, torch.where(there, advantage + value, 0.0)


def explained_variance(value: Tensor, returns: Tensor) -> Tensor:
    """Share of the returns' variance that the values foresaw: 1 at best, 0 where there is none."""
    variance = returns.var()
    return torch.where(variance > 0, 1 - (returns - value).var() / variance, 0.0)
