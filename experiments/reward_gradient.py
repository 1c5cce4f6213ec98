"""Where the sparse reward has a gradient, and where it has none: before any training.

    python experiments/reward_gradient.py --start beachhead --seed 0

A policy explores on each phi set. The norm of the plain policy gradient, return times the gradient
of the log-density and nothing else (:class:`~lightning_modules.Reinforce`), is exactly 0 where no
attempt succeeds. Rows go to docs/results/curriculum/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, cast

import torch
from tensordict import TensorDict

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from callbacks.collection import ExploringPolicy  # noqa: E402
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
from robot.rollout import rollout  # noqa: E402
from robot.seeds import training_seed  # noqa: E402
from robot.success_rate import SuccessRate  # noqa: E402

STARTS = ("beachhead", "from_home", "from_scratch", "gate", "gate_off")


def main() -> None:
    """Measures, saves, prints the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", choices=STARTS, default="beachhead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--episodes", type=int, default=256)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    task = PickBananaFarCorner("point", {"rollouts": Rollouts()})
    policy = PolicyGradient(
        task.spec,
        beachhead=checkpoint(args.start, args.seed),
        objective=Reinforce(),
        tuned_steps=None if args.start == "from_scratch" else 3,
    )
    row: dict[str, Any] = {
        "task": training.TASKS[0],
        "study": "gradient",
        "method": args.start,
        "seed": args.seed,
        **measure(policy, task, args.episodes, args.seed),
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
    policy: PolicyGradient, task: PickBananaFarCorner, episodes: int, seed: int
) -> dict[str, float]:
    """Success while exploring, and the norm of the reward's gradient, on every phi set."""
    found: dict[str, float] = {}
    environment = task.environment(min(episodes, 128), seed)
    for name, phi_set in task.phi_sets.items():
        start = training_seed("reward gradient", name, seed)
        phi = phi_set.sample(episodes, torch.Generator().manual_seed(start))
        parts: list[TensorDict] = []
        success: list[torch.Tensor] = []
        for i, group in enumerate(phi.split(environment.num_envs)):
            explorer = ExploringPolicy(policy)
            tried = rollout(environment, explorer, group, training_seed(start, i))
            decisions = explorer.decisions(tried["length"])
            decisions["episode"] += i * environment.num_envs
            parts.append(decisions)
            success.append(tried["success"])
        everyone = TensorDict({"success": torch.cat(success)}, [episodes])
        steps = policy.samples(cast("TensorDict", TensorDict.cat(parts)), everyone)
        found |= SuccessRate.of(everyone["success"]).metrics(f"success/{name}")
        found[f"grad_norm/{name}"] = gradient_norm(policy, steps)
    return found


def gradient_norm(policy: PolicyGradient, steps: TensorDict) -> float:
    """Norm of the gradient of the expected return with respect to the denoiser's weights."""
    assert isinstance(policy.objective, Reinforce)
    policy.zero_grad()
    for part in steps.split(4096):
        now = policy.log_prob(part)
        loss = policy.objective.loss(now - part["log_prob"], now, part)
        (loss * len(part) / len(steps)).backward()
    gradients = [p.grad for p in policy.denoiser.parameters() if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients))


if __name__ == "__main__":
    main()
