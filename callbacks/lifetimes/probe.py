"""Do actions give away what is hidden? Probes that try to read phi off them.

Whoever learns from one who knows phi learns to read it off actions that its own
failures never show (self-delusion, Ortega et al. 2021, 2110.10819).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from tensordict import TensorDictBase
from torch import Tensor, nn

DECISIONS = 3  # of an episode, at which is read
PROBED = 64  # fewest lifetimes that say anything
LEAK = 0.1  # share of the hidden parameters' variance; what probes of no leak stay under
PENALTIES = (0.01, 0.1, 1.0, 10.0)  # of the linear probes, per lifetime
STEPS = 400  # of the network's training
LOOKS = 20  # steps between two looks at how well it does


def leak(lifetimes: TensorDictBase, hidden: Tensor, seed: int = 0) -> float:
    """The most of :func:`leaks`: about 0 where the explorer does not know phi."""
    return max(leaks(lifetimes, hidden, seed))


def leaks(lifetimes: TensorDictBase, hidden: Tensor, seed: int = 0) -> list[float]:
    """Share of the variance of the hidden parameters that actions give away, by episode.

    Of lifetimes in which nothing has succeeded yet, at each of the first decisions of the episode:
    what probes read off all that was seen in it and what was done then, less what they read off
    what was seen, since contact shows something of phi to anybody; the most of any decision. An
    explorer that does not know phi cannot be read: 0, or about that by chance. One who knows it
    can, at the latest when it begins to get better, and a student of such actions would learn to
    ask a demonstrator who is not there.

    Args:
        lifetimes: ``[N]``, the fields of a lifetime store; at least ``PROBED`` of them.
        hidden: hidden task parameters ``[N, Q]``.
        seed: of the networks' weights.

    Returns:
        Of the first episode and those after it, as long as ``PROBED`` lifetimes have not succeeded.

    Raises:
        ValueError: if there are too few lifetimes.
    """
    if len(lifetimes) < PROBED:
        raise ValueError(f"{len(lifetimes)} lifetimes are too few for a probe: it takes {PROBED}")
    found: list[float] = []
    success: Tensor = lifetimes["success"]
    for shot in range(success.shape[1]):
        left = success[:, :shot].sum(1) == 0
        if int(left.sum()) < PROBED:
            break
        found.append(_of_episode(lifetimes, left, shot, hidden[left], seed))
    return found


def _of_episode(
    lifetimes: TensorDictBase, rows: Tensor, shot: int, hidden: Tensor, seed: int
) -> float:
    """The most that is given away at a decision of an episode of these lifetimes."""
    observation, action, last = (
        lifetimes[name][rows, shot] for name in ("observation", "action", "last_command")
    )
    most, steps = observation.shape[1], action.shape[1]
    chunk = -(-steps // most)
    found: list[float] = []
    for decision in range(min(DECISIONS, most)):
        seen = observation[:, : decision + 1].flatten(1)
        done = action[:, decision * chunk : (decision + 1) * chunk] - last[:, decision, None]
        both = torch.cat([seen, done.flatten(1)], dim=1)
        found.append(explained(both, hidden, seed) - max(0.0, explained(seen, hidden, seed)))
    return max(found)


def explained(inputs: Tensor, targets: Tensor, seed: int = 0) -> float:
    """Share of the targets' variance that the best of several probes explains.

    Ridge regressions, and a small network after more and more steps. Half of the rows train them, a
    quarter says which of them is best, and another one how well that does: a probe that learns its
    rows by heart explains nothing.

    Args:
        inputs: ``[N, F]``.
        targets: ``[N, Q]``.
        seed: of the network's weights.
    """
    inputs, targets = _standardised(inputs), _standardised(targets)
    half = len(inputs) // 2
    choosing, measuring = slice(half, half + half // 2), slice(half + half // 2, None)
    best, found = float("inf"), 0.0
    for read in (*_linear(inputs, targets, half), *_network(inputs, targets, half, seed)):
        error = (read - targets).square().mean(1)
        if (chosen := float(error[choosing].mean())) < best:
            spread = (targets[measuring] - targets[:half].mean(0)).square().mean()
            best, found = chosen, float(1 - error[measuring].mean() / spread)
    return found


def _linear(inputs: Tensor, targets: Tensor, half: int) -> Iterator[Tensor]:
    """What ridge regressions on the first half read of all, ``[N, Q]`` each."""
    x, y = inputs[:half], targets[:half]
    mean = y.mean(0)
    for penalty in PENALTIES:
        gram = x.T @ x + penalty * half * torch.eye(x.shape[1])
        yield mean + inputs @ torch.linalg.solve(gram, x.T @ (y - mean))


def _network(inputs: Tensor, targets: Tensor, half: int, seed: int) -> Iterator[Tensor]:
    """What a small network reads of all while it is trained on the first half."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        probe = nn.Sequential(
            nn.Linear(inputs.shape[1], 64), nn.SiLU(), nn.Linear(64, targets.shape[1])
        )
    optimizer = torch.optim.AdamW(probe.parameters(), lr=3e-3, weight_decay=0.3)
    for step in range(STEPS):
        with torch.enable_grad():
            optimizer.zero_grad()
            nn.functional.mse_loss(probe(inputs[:half]), targets[:half]).backward()
            optimizer.step()
        if step % LOOKS == LOOKS - 1:
            with torch.no_grad():
                yield probe(inputs)


def _standardised(values: Tensor) -> Tensor:
    return (values - values.mean(0)) / (values.std(0) + 1e-6)
