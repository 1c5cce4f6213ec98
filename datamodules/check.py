"""Whether a family of hidden task parameters is worth adapting to.

    python -m datamodules.check bumped_camera

Memory is needed only where one who knows the hidden parameters does much better than one who
remembers nothing, and than one who forgets at the end of each episode. All three are scripted
operators with the same skill; they differ in their hypotheses:

    oracle          the truth
    memoryless      nothing learnt: one fixed hypothesis or a guess an episode, whichever is better
    memory_reset    several hypotheses one after the other, as far as an episode's time goes

Then, what memory can bring, of one who searches without repeating a miss and who repeats a success
(:mod:`datamodules.search`): success at each shot, and the *cover*, the share of task parameters at
which anything has succeeded by then. Where a success may fail when it is repeated, that is more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

import datamodules
from datamodules.hidden import Hidden
from datamodules.rollouts import Rollouts
from datamodules.search import Choice, Search
from robot.seeds import evaluation_seed
from robot.success_rate import SuccessRate

MARGIN = 0.30  # by which the oracle must be better
SHOTS = 6
IN_TURN = 4  # hypotheses in one episode; no operator is faster than that


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the three and a RESULT line; exit status 1 if the family is not admitted."""
    known = families()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=known)
    parser.add_argument("--phi_set", default=None, help="the largest, if not given")
    parser.add_argument("--episodes", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    if args.episodes < 1 or args.seed < 0:
        parser.error(
            f"episodes is {args.episodes} and seed {args.seed}: at least 1, and not negative"
        )
    family: Any = known[args.task]
    try:
        task = family(args.phi_set or list(family.phi_sets)[-1], {"rollouts": Rollouts()})
    except ValueError as error:
        parser.error(str(error))
    rates = admission(task, args.episodes, args.seed)
    for name, rate in rates.items():
        low, high = rate.interval
        print(f"{name:12} {rate.rate:.3f} ({low:.3f} to {high:.3f}), n {rate.n}")
    generator = torch.Generator().manual_seed(evaluation_seed("reference", args.seed))
    phi = task.phi_set.sample(args.episodes, generator)
    success = reference(task, phi, SHOTS, args.seed)
    result: dict[str, float | bool] = {}
    for name, which in (("reference", success), ("cover", found_by(success))):
        curve = [SuccessRate.of(shot) for shot in which.unbind(1)]
        print(f"{name:12} " + " ".join(f"{rate.rate:.3f}" for rate in curve))
        for shot, rate in enumerate(curve, start=1):
            result |= rate.metrics(f"adaptation/{name}/shot_{shot}")
    for name, rate in rates.items():
        result |= rate.metrics(name)
    print("RESULT", json.dumps(result | {"admitted": admitted(rates)}))
    sys.exit(0 if admitted(rates) else 1)


def families() -> dict[str, type]:
    """Families of hidden task parameters, by name."""
    return {
        cls.task_name: cls
        for name in datamodules.__all__
        if isinstance(cls := getattr(datamodules, name), type)
        and issubclass(cls, Hidden)
        and hasattr(cls, "task_name")
    }


def admitted(rates: dict[str, SuccessRate]) -> bool:
    """Whether the oracle is better than both others by the margin."""
    others = max(rates["memoryless"].rate, rates["memory_reset"].rate)
    return rates["oracle"].rate - others >= MARGIN


def admission(task: Hidden, episodes: int, seed: int) -> dict[str, SuccessRate]:
    """Success of an oracle, a memoryless operator and one who forgets after each episode."""
    generator = torch.Generator().manual_seed(evaluation_seed("admission", seed))
    phi = task.phi_set.sample(episodes, generator)
    guess = task.guesses(episodes, generator)
    known = task.guesses(4096, generator)
    in_turn = [h.expand(episodes, -1) for h in spread_out(known, IN_TURN)]

    def success(hypotheses: Sequence[Tensor]) -> SuccessRate:
        """Of operators with these hypotheses ``[N, Q]``, in turn."""
        each = torch.stack(list(hypotheses), dim=1)  # [N, K, Q]
        return SuccessRate.of(task.scripted(phi, each, seed))

    return {
        "oracle": success([task.phi_space.hidden(phi)]),
        "memoryless": max(success(in_turn[:1]), success([guess]), key=lambda rate: rate.rate),
        "memory_reset": success(in_turn),
    }


def reference(task: Hidden, phi: Tensor, shots: int, seed: int, choice: Choice = "best") -> Tensor:
    """Success of a scripted operator who searches at ``phi [N, P]``, bool ``[N, H]``."""
    generator = torch.Generator().manual_seed(evaluation_seed("search", seed))
    search = Search(task, phi, generator, choice)
    lived: list[Tensor] = []
    for shot in range(shots):
        key = evaluation_seed("reference", seed, shot)
        success = task.scripted(phi, search.next()[:, None], key)
        search.observe(success)
        lived.append(success)
    return torch.stack(lived, dim=1)


def found_by(success: Tensor) -> Tensor:
    """Whether anything has succeeded by each shot, of success ``[N, H]``."""
    return success.cumsum(1) > 0


def spread_out(known: Tensor, count: int) -> Tensor:
    """Hypotheses that do not repeat: the mean, then ever the one farthest from those before.

    Args:
        known: hypotheses to choose from, ``[M, Q]``.
        count: how many, K.

    Returns:
        ``[K, Q]``.
    """
    scale = known.amax(0) - known.amin(0)
    chosen = [known.mean(0)]
    while len(chosen) < count:
        distance = torch.cdist(known / scale, torch.stack(chosen) / scale).amin(1)
        chosen.append(known[distance.argmax()])
    return torch.stack(chosen)


if __name__ == "__main__":
    main()
