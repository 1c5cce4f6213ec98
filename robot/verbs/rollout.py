"""Rolls a policy out on an arm and says how often it succeeded.

Things are seen, and success is told, by a camera; on a virtual arm without one by its simulation.
With --ask a person says when an episode has succeeded.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack

import torch
from rich.console import Console
from rich.progress import Progress

from robot.arm_env import ArmEnv
from robot.arm_session import arm_session
from robot.rollout import completed, rollout
from robot.station import Station
from robot.success_rate import SuccessRate
from robot.verbs.asking import AskedTabletop
from robot.verbs.cameras import add_camera, camera_named, table_named
from robot.verbs.driving import add_port, driven_arm
from robot.verbs.tasks import add_task, task_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port, the policy, the task."""
    add_port(parser)
    add_task(parser, default="pick_banana")
    add_camera(parser, default=None)
    parser.add_argument("--policy", required=True, help="a checkpoint")
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--ask", action="store_true", help="press Enter once it has succeeded")
    said = "actions left of a chunk when the next is computed beside them; 0: the arm waits for it"
    parser.add_argument("--lead", type=int, default=2, help=said)


def run(args: argparse.Namespace) -> None:
    """Rolls out, prints the share of successes and a RESULT line."""
    from lightning_modules.policy import load_policy

    torch.set_num_threads(1)  # the servo loop wants the other core
    task = task_named(args.task, args.phi_set)
    policy = load_policy(args.policy)
    phi_set = task.phi_sets[args.phi_set]
    phi = phi_set.sample(args.episodes, torch.Generator().manual_seed(args.seed))
    arm = driven_arm(args)
    console = Console(width=None if Console().is_terminal else 100)
    with ExitStack() as opened:
        camera = camera_named(args, arm.clock, opened)
        table = table_named(args, task, camera, opened)
        if args.ask:
            table = AskedTabletop(table)
            console.print("Press Enter as soon as an episode has succeeded.")
        loop = opened.enter_context(arm_session(arm))
        env = ArmEnv(task, [Station(loop, table)], phi_set)
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("rolling out", total=args.episodes)
            episodes = rollout(
                env,
                policy,
                phi,
                args.seed,
                on_batch=lambda n: progress.advance(bar, n),
                lead=args.lead,
            )
    episodes = completed(episodes)
    rate = SuccessRate.of(episodes["success"])
    low, high = rate.interval
    console.print(f"success {rate.rate:.2f} of {rate.n} ({low:.2f} to {high:.2f})")
    robot_s = float(episodes["length"].sum()) / task.spec.rate
    found = rate.metrics(f"success/{args.phi_set}") | loop.statistics.metrics()
    found |= {f"arms/{name}": value for name, value in env.metrics().items()}
    print("RESULT", json.dumps({**found, "time/robot_s": robot_s, "seed": args.seed}))
