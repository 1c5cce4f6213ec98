"""Do actions give away what is hidden? A probe that tries to read phi off them."""

from __future__ import annotations

import torch
from tensordict import TensorDictBase
from torch import Tensor, nn

DECISIONS = 3  # of the first episode: before anything can have succeeded
LEAK = 0.1  # share of the hidden parameters' variance; what a probe of no leak stays under


def leak(lifetimes: TensorDictBase, hidden: Tensor, steps: int = 400, seed: int = 0) -> float:
    """Share of the variance of the hidden parameters that the first actions explain.

    A small network reads what was seen at the first decisions of the first episode and what was
    done there; half of the lifetimes train it, the other half say how well it does. An explorer
    that does not know phi cannot be read: 0, or below by chance. One who knows it can, and a
    student of such actions would learn to ask a demonstrator who is not there.

    Args:
        lifetimes: ``[N]``, the fields of a lifetime store.
        hidden: hidden task parameters ``[N, Q]``.
        steps: of the probe's training.
        seed: of its weights.
    """
    count = round(DECISIONS * lifetimes["action"].shape[2] / lifetimes["observation"].shape[2])
    seen = lifetimes["observation"][:, 0, :DECISIONS].flatten(1)
    start: Tensor = lifetimes["last_command"][:, 0, :1]
    done = (lifetimes["action"][:, 0, :count] - start).flatten(1)
    inputs, targets = _standardised(torch.cat([seen, done], dim=1)), _standardised(hidden)
    half = len(inputs) // 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        probe = nn.Sequential(
            nn.Linear(inputs.shape[1], 64), nn.SiLU(), nn.Linear(64, targets.shape[1])
        )
    optimizer = torch.optim.AdamW(probe.parameters(), lr=3e-3, weight_decay=0.3)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(probe(inputs[:half]), targets[:half]).backward()
            optimizer.step()
    with torch.no_grad():
        error = (probe(inputs[half:]) - targets[half:]).square().mean()
        spread = (targets[half:] - targets[half:].mean(0)).square().mean()
    return float(1 - error / spread)


def _standardised(values: Tensor) -> Tensor:
    return (values - values.mean(0)) / (values.std(0) + 1e-6)
