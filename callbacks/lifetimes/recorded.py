"""Recorded episodes as a lifetime store has them: by decisions, and labelled by an oracle.

Symbols: N lifetimes, H episodes of each, L decisions and T environment steps of an episode, D
decisions of all, Q hidden dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from datamodules.hidden import Hidden
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.lifetime_batch import decided
from robot.schema import ACTION, OBSERVATION
from robot.seeds import training_seed


def lifetimes_of(
    shots: Sequence[TensorDict], task: Hidden, oracle: DiffusionPolicy, phi: Tensor, seed: int
) -> TensorDict:
    """The fields of a lifetime store, ``[N]``, from episodes on one phi each.

    Args:
        shots: recorded episodes of each shot, ``[N]``.
        task: the family.
        oracle: the skill that labels every decision, as if it knew phi.
        phi: task parameters ``[N, P]``.
        seed: of the labels' noise.
    """
    episodes = [decisions(shot, oracle, task.max_steps) for shot in shots]
    lifetimes = cast("TensorDict", TensorDict.stack(episodes, dim=1))
    label(lifetimes, task, oracle, task.phi_space.hidden(phi), training_seed("oracle", seed))
    flat = oracle.spec.flatten(lifetimes[OBSERVATION])
    lifetimes = lifetimes.auto_batch_size_(batch_dims=1)
    return lifetimes.set(OBSERVATION, flat).set("phi", phi)


def decisions(episodes: TensorDict, learner: DiffusionPolicy, max_steps: int) -> TensorDict:
    """What was seen at each decision, and what was executed, ``[N]``; zero past the end."""
    horizons = learner.horizons
    steps = cast("TensorDictBase", episodes["trajectory"])
    actions: Tensor = steps.get(ACTION)
    length: Tensor = episodes["length"]
    at = torch.arange(0, max_steps, horizons.action)  # [L]
    past = (at[:, None] + torch.arange(1 - horizons.observation, 1)).clamp(min=0)  # [L, To]
    there = at < length[:, None]  # [N, L]
    seen: TensorDictBase = steps.get(OBSERVATION)[:, past]  # all fields: hypotheses change some
    seen = _zero_where_not(there, seen)
    return TensorDict(
        {
            OBSERVATION: seen.auto_batch_size_(batch_dims=3),
            "last_command": seen["last_command"][:, :, -1],
            ACTION: actions,
            "length": length,
            "success": episodes["success"],
        },
        batch_size=len(length),
    )


@torch.no_grad()
def label(
    lifetimes: TensorDict, task: Hidden, learner: DiffusionPolicy, truth: Tensor, seed: int
) -> None:
    """Adds what an oracle with the same skill would do at each decision: ``oracle [N, H, L, ...]``.

    Labels at states that somebody else got into: Decision-Pretrained Transformer (Lee et al. 2023,
    2306.14892).
    """
    horizons, spec = learner.horizons, learner.spec
    seen: TensorDictBase = lifetimes[OBSERVATION]  # [N, H, L, To]
    there = decided(lifetimes, horizons.action)  # [N, H, L]
    known = truth[:, None, None].expand(*there.shape, -1)[there]  # [D, Q]
    generator = torch.Generator(learner.device).manual_seed(seed)
    chunks: list[Tensor] = []
    for part, hypothesis in zip(seen[there].split(4096), known.split(4096), strict=True):
        shown = task.as_if(cast("TensorDictBase", part), hypothesis).to(learner.device)
        chunks.append(learner.predict_chain(shown, generator)[-1].cpu())
    oracle = torch.zeros(*there.shape, horizons.prediction, spec.action_dim)
    oracle[there] = torch.cat(chunks)
    lifetimes["oracle"] = oracle


def _zero_where_not(rows: Tensor, fields: TensorDictBase) -> TensorDictBase:
    """Fields ``[*rows.shape, ...]`` with zeros where ``rows`` is False."""
    return fields.apply(  # pyright: ignore[reportReturnType]
        lambda value: value * rows.reshape(*rows.shape, *[1] * (value.ndim - rows.ndim))
    )
