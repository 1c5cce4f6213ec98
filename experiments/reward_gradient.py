"""Where the sparse reward has a gradient, and where it has none: before any training.

    python experiments/reward_gradient.py --start beachhead --seed 0

A policy explores on each phi set. The plain policy gradient, return times the gradient of the
log-density and nothing else (:class:`~lightning_modules.Reinforce`, undiscounted), is exactly 0
where no attempt succeeds. Its norm is that of the gradient of the expected reward of an episode in
the tuned weights, the density being that of the executed part of each denoising step (as in DPPO).
Rows go to docs/results/curriculum/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from scipy.stats import t as student
from tensordict import TensorDict
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from callbacks.attempts import Attempts, all_attempts, all_decisions  # noqa: E402
from datamodules import Rollouts  # noqa: E402
from experiments import curriculum, training  # noqa: E402
from experiments.far_corner import PickBananaFarCorner  # noqa: E402
from experiments.results import (  # noqa: E402
    CURRICULUM_IDENTITY,
    command,
    machine,
    results_file,
    write_rows,
)
from lightning_modules import PolicyGradient, Reinforce  # noqa: E402
from robot.seeds import training_seed  # noqa: E402
from robot.success_rate import SuccessRate  # noqa: E402

STARTS = ("beachhead", "from_home", "from_scratch", "gate", "gate_off", "small_steps")
GROUPS = 16  # of episodes, each with an estimate of its own


def main() -> None:
    """Measures, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", choices=STARTS, default="beachhead")
    training.add_seed(parser)
    parser.add_argument("--episodes", type=int, default=4096)
    sets = tuple(PickBananaFarCorner.phi_sets)
    parser.add_argument("--phi_sets", nargs="+", choices=sets, default=sets)
    args = parser.parse_args()
    if args.episodes < GROUPS or args.episodes % GROUPS:
        parser.error(f"--episodes is {args.episodes}, it must be a multiple of {GROUPS}")
    start = checkpoint(args.start, args.seed)
    if start is not None and not Path(start).is_file():
        parser.error(
            f"there is no {start}: it is the end of experiments/curriculum.py --study gate "
            f"--method {args.start} --seed {args.seed}"
        )
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    task = PickBananaFarCorner("point", {"rollouts": Rollouts()})
    policy = PolicyGradient(
        task.spec,
        beachhead=start,
        objective=Reinforce(gamma=1.0),
        tuned_steps=None if args.start == "from_scratch" else 3,
    )
    row: dict[str, Any] = {
        "task": training.TASKS[0],
        "study": "gradient",
        "method": args.start,
        "seed": args.seed,
        **measure(policy, task, args.phi_sets, args.episodes, args.seed),
        **machine(),
        "command": command(),
    }
    write_rows(results_file("curriculum"), [row], identity=CURRICULUM_IDENTITY)
    print("RESULT", json.dumps(row))


def checkpoint(start: str, seed: int) -> str | None:
    """The policy of a start; made if there is none. The gate's are from the end of that study."""
    match start:
        case "beachhead":
            return str(curriculum.beachhead(seed))
        case "from_home":
            return str(curriculum.cloned(training.TASKS[0], "point_from_home", seed))
        case "from_scratch":
            return None
        case _:
            run = ROOT / "runs" / "curriculum" / f"gate-{start}-{seed}"
            return str(run / "checkpoints" / "last.ckpt")


def measure(
    policy: PolicyGradient,
    task: PickBananaFarCorner,
    phi_sets: Sequence[str],
    episodes: int,
    seed: int,
) -> dict[str, float]:
    """Success while exploring, and the norm of the reward's gradient, on phi sets."""
    found: dict[str, float] = {}
    attempts = Attempts(episodes // GROUPS)
    for name in phi_sets:
        start = training_seed("reward gradient", name, seed)
        phi = task.phi_sets[name].sample(episodes, torch.Generator().manual_seed(start))
        groups = attempts(task, policy, True, phi, (start,))
        found |= SuccessRate.of(all_attempts(groups)["success"]).metrics(f"success/{name}")
        samples = [policy.samples(all_decisions([group]), group.attempts) for group in groups]
        gradients = [
            gradient(policy, less_baseline(mine, samples[:i] + samples[i + 1 :]))
            * GROUPS
            / episodes
            for i, mine in enumerate(samples)
        ]
        for end, value in zip(("", "/lo", "/hi"), norm(torch.stack(gradients)), strict=True):
            found[f"grad_norm/{name}{end}"] = value
    attempts.close()
    return found


def less_baseline(steps: TensorDict, others: list[TensorDict]) -> TensorDict:
    """Steps whose returns are counted from the mean return, at that decision, of other groups.

    Where nothing succeeds it is 0; elsewhere it takes noise away and no gradient.
    """
    theirs = cast("TensorDict", TensorDict.cat(others))
    longest = 1 + int(torch.cat([theirs["decision"], steps["decision"]]).max())
    total = torch.zeros(longest).index_add(0, theirs["decision"], theirs["weight"])
    count = torch.bincount(theirs["decision"], minlength=longest).clamp(min=1)
    baseline = (total / count)[steps["decision"]]
    return steps.replace({"weight": steps["weight"] - baseline})


def gradient(policy: PolicyGradient, steps: TensorDict) -> Tensor:
    """Gradient of the summed loss of denoising steps in the denoiser's weights, one vector.

    The loss takes the mean log-density over the numbers of a chunk; here their sum counts.
    """
    assert isinstance(policy.objective, Reinforce)
    policy.zero_grad()
    for part in steps.split(4096):
        now = policy.log_prob(part)
        loss = policy.objective.loss(now - part["log_prob"], now, part)
        (loss * len(part)).backward()
    gradients = [p.grad.flatten() for p in policy.denoiser.parameters() if p.grad is not None]
    return policy.horizons.action * policy.spec.action_dim * torch.cat(gradients)


def norm(groups: Tensor) -> tuple[float, float, float]:
    """Norm of an expected gradient, free of the noise of its estimates, with a 95 % interval.

    The norm of a mean of noisy gradients is mostly the noise's. Products of the estimates of
    *different* groups of episodes have the squared norm as their expectation. The interval is
    Student's, by the jackknife over groups (Tukey 1958): too wide where the noise is much larger
    than the norm, never too narrow.

    Args:
        groups: independent estimates of the gradient, ``[m, W]``.

    Returns:
        Norm, lower and upper end; the square root of what is negative is 0.
    """
    gram = groups.double() @ groups.double().T  # [m, m]
    m = len(gram)
    products = gram.fill_diagonal_(0)
    whole = products.sum() / (m * (m - 1))
    without = (products.sum() - 2 * products.sum(1)) / ((m - 1) * (m - 2))  # each group left out
    deviation = ((m - 1) / m * (without - without.mean()).square().sum()).sqrt()
    half = float(student.ppf(0.975, m - 1)) * deviation
    low, middle, high = (float(x.clamp(min=0).sqrt()) for x in (whole - half, whole, whole + half))
    return middle, low, high


if __name__ == "__main__":
    main()
