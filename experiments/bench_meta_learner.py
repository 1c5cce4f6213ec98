"""What an update of the meta-learner takes, what a batch of lifetimes, and what its memory.

    python experiments/bench_meta_learner.py            # a minute or two
    python experiments/bench_meta_learner.py --write    # and into docs/performance.md

CPU seconds of one thread. An update is that of configs/wanted_object/meta_learner.yaml on made-up
lifetimes, beside its matrix products alone; lifetimes are lived by random weights, whose attempts
last to the time limit. The trunk generates lifetimes of several lengths, with its cache and
without.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from tensordict import TensorDict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from callbacks.lifetimes.lives import live  # noqa: E402
from datamodules import Rollouts, WantedObject  # noqa: E402
from experiments.bench_denoisers import forward_and_backward, matrix_products  # noqa: E402
from experiments.bench_profile import shares  # noqa: E402
from experiments.results import (  # noqa: E402
    Row,
    command,
    machine,
    replace_between,
    results_file,
    write_rows,
)
from experiments.timing import interleaved  # noqa: E402
from lightning_modules import MetaLearner  # noqa: E402
from lightning_modules.lifetime_policy import LifetimePolicy  # noqa: E402
from lightning_modules.networks.trunk import Memory, Trunk  # noqa: E402

DOCUMENT = ROOT / "docs" / "performance.md"
PICTURE = results_file("performance").with_name("trunk.png")
LIFETIMES, SHOTS = 32, 6
LENGTHS = (12, 24, 48, 96, 192)
UPDATE = {
    "trunk": ("lightning_modules/meta_learner.py", "remember"),
    "loss of the denoiser": ("lightning_modules/diffusion_policy.py", "denoising_loss"),
    "gradient": ("torch/_tensor.py", "backward"),
    "AdamW": ("torch/optim/adam.py", "step"),
}
LIVING = {
    "MuJoCo": ("mujoco/batch.py", "rollout"),
    "trunk": ("lightning_modules/meta_learner.py", "remember"),
    "denoising": ("lightning_modules/diffusion_policy.py", "predict_chain"),
}


def main() -> None:
    """Measures, prints and, where asked to, writes."""
    parser = argparse.ArgumentParser(description="The meta-learner: update, lifetimes, memory.")
    parser.add_argument("--write", action="store_true", help="update docs/performance.md")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    head = {"task": "wanted_object", "method": "meta_learner", "seed": 0, "command": command()}
    row: Row = {**head, **machine(), "machine/load": load, **updating(), **living(), **growing()}
    print(markdown([row]))
    if args.write:
        write_rows(results_file("performance"), [row])
        replace_between(DOCUMENT, "meta-learner", markdown([row]))
        figure(row).savefig(PICTURE, dpi=110)


def learner() -> MetaLearner:
    """With random weights."""
    return MetaLearner(family().spec)


def family() -> WantedObject:
    """The family, with nothing to learn from."""
    return WantedObject("wide", {"rollouts": Rollouts()})


def made_up(module: MetaLearner) -> TensorDict:
    """Lifetimes of noise in which every attempt lasts to the time limit, as they are served."""
    task, spec, horizons = family(), module.spec, module.horizons
    decisions = -(-task.max_steps // horizons.action)
    shape = (LIFETIMES, SHOTS, decisions)
    return TensorDict(
        {
            "observation": torch.randn(*shape, horizons.observation, spec.observation_dim),
            "last_command": torch.randn(*shape, spec.action_dim),
            "action": torch.randn(LIFETIMES, SHOTS, task.max_steps, spec.action_dim),
            "oracle": torch.randn(*shape, horizons.prediction, spec.action_dim),
            "length": torch.full((LIFETIMES, SHOTS), task.max_steps),
            "success": torch.zeros(LIFETIMES, SHOTS, dtype=torch.bool),
            "own": torch.zeros(LIFETIMES, dtype=torch.bool),
        },
        batch_size=[LIFETIMES],
    )


def updating() -> Row:
    """An update, its floor, and where its time goes."""
    module, generator = learner(), torch.Generator().manual_seed(0)
    batch = made_up(module)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)

    def update() -> None:
        module._loss(batch, generator).backward()  # pyright: ignore[reportPrivateUsage]
        optimizer.step()
        optimizer.zero_grad()

    products = matrix_products(module, update)
    calls = {"update": update, "floor": lambda: forward_and_backward(products)}
    best = interleaved(calls, rounds=5, seconds=0.5)
    found = {"update_ms": 1e3 * best["update"], "update_ms/floor": 1e3 * best["floor"]}
    return found | {f"update/{k}": v for k, v in shares(update, UPDATE, 5).items()}


def living() -> Row:
    """A batch of lifetimes, and where its time goes."""
    task, module = family(), learner().eval()
    phi = task.phi_set.sample(LIFETIMES, torch.Generator().manual_seed(0))
    env = task.environment(LIFETIMES, num_threads=1)

    def lifetimes() -> None:
        live(env, LifetimePolicy(module, LIFETIMES), phi, SHOTS, seed=0)

    seconds = interleaved({"lifetimes": lifetimes}, rounds=1, seconds=0.1)["lifetimes"]
    found = {"lifetimes_s": seconds}
    return found | {f"lifetimes/{k}": v for k, v in shares(lifetimes, LIVING, 1).items()}


@torch.inference_mode()
def growing() -> Row:
    """Seconds that the trunk takes for lifetimes of so many decisions, one after the other."""
    tokens = learner().trunk.inlet.in_features
    trunk = Trunk(tokens, context=max(LENGTHS)).eval()
    there = torch.ones(LIFETIMES, 1, dtype=torch.bool)

    def generate(length: int, *, cached: bool) -> None:
        read = torch.randn(LIFETIMES, length, tokens)
        memory = Memory.empty(LIFETIMES, keep=True)
        for s in range(length):
            if cached:
                trunk(read[:, s : s + 1], there, memory)
            else:
                trunk(read[:, : s + 1], there.expand(-1, s + 1))

    found: Row = {}
    for length in LENGTHS:
        ways = {
            "cached": lambda n=length: generate(n, cached=True),
            "uncached": lambda n=length: generate(n, cached=False),
        }
        for way, seconds in interleaved(ways, rounds=2, seconds=0.1).items():
            found[f"trunk_s/{way}/{length}"] = seconds
    return found


def markdown(rows: Sequence[Row]) -> str:
    """The tables of the document."""
    (row,) = rows
    lines = ["| one update, 32 lifetimes of 48 decisions | |", "|---|---:|"]
    lines.append(f"| ms | {row['update_ms']:.0f} |")
    lines.append(f"| floor, ms | {row['update_ms/floor']:.0f} |")
    lines.append(f"| times the floor | {row['update_ms'] / row['update_ms/floor']:.2f} |")
    lines += [f"| {part} | {row[f'update/{part}']:.0%} |" for part in (*UPDATE, "the rest")]
    lines += ["", "| 32 lifetimes of six attempts, lived | |", "|---|---:|"]
    lines.append(f"| s | {row['lifetimes_s']:.1f} |")
    lines += [f"| {part} | {row[f'lifetimes/{part}']:.0%} |" for part in (*LIVING, "the rest")]
    lines += ["", "| decisions | " + " | ".join(map(str, LENGTHS)) + " |"]
    lines.append("|---" + "|---:" * len(LENGTHS) + "|")
    for way in ("cached", "uncached"):
        cells = [f"{1e3 * row[f'trunk_s/{way}/{n}'] / n:.1f}" for n in LENGTHS]
        lines.append(f"| ms a decision, {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(row: Row) -> Figure:
    """What a lifetime takes against its length."""
    drawn = Figure(figsize=(5, 3.2), layout="constrained")
    axes = drawn.subplots()
    for way in ("cached", "uncached"):
        axes.plot(LENGTHS, [row[f"trunk_s/{way}/{n}"] for n in LENGTHS], "o-", label=way)
    axes.set(xlabel="decisions of a lifetime", ylabel="trunk, s for 32 lifetimes")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return drawn


if __name__ == "__main__":
    main()
