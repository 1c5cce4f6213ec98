"""Do actions give away what is hidden? Probes that try to read phi off them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from tensordict import TensorDictBase
from torch import Tensor, nn

DECISIONS = 3  # of the first episode, before anything can have succeeded
PROBED = 64  # fewest lifetimes that say anything
LEAK = 0.1  # share of the hidden parameters' variance; what probes of no leak stay under
PENALTIES = (0.01, 0.1, 1.0, 10.0)  # of the linear probes, per lifetime
STEPS = 400  # of the network's training
LOOKS = 20  # steps between two looks at how well it does


def leak(lifetimes: TensorDictBase, hidden: Tensor, seed: int = 0) -> float:
    """Share of the variance of the hidden parameters that the first actions give away.

    At each of the first decisions of the first episode: what probes read off all that was seen up
    to it and what was done then, less what they read off what was seen, since contact shows
    something of phi to anybody; the most of any decision. An explorer that does not know phi cannot
    be read: 0, or about that by chance. One who knows it can, and a student of such actions would
    learn to ask a demonstrator who is not there.

    Args:
        lifetimes: ``[N]``, the fields of a lifetime store; at least ``PROBED`` of them.
        hidden: hidden task parameters ``[N, Q]``.
        seed: of the networks' weights.

    Raises:
        ValueError: if there are too few lifetimes.
    """
    if len(lifetimes) < PROBED:
        raise ValueError(f"{len(lifetimes)} lifetimes are too few for a probe: it takes {PROBED}")
    most, steps = lifetimes["observation"].shape[2], lifetimes["action"].shape[2]
    chunk = -(-steps // most)
    found: list[float] = []
    for decision in range(min(DECISIONS, most)):
        seen = lifetimes["observation"][:, 0, : decision + 1].flatten(1)
        start: Tensor = lifetimes["last_command"][:, 0, decision, None]
        done = lifetimes["action"][:, 0, decision * chunk : (decision + 1) * chunk] - start
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
