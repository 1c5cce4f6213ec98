"""Does again what a recorded episode did, and says how near the arm came; sees nothing."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from robot.arm_session import arm_session
from robot.episodes import EpisodeStore
from robot.replay import replay
from robot.verbs.driving import add_port, driven_arm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port, and which episode."""
    add_port(parser)
    parser.add_argument("--episodes", required=True, help="folder of a store")
    parser.add_argument("--episode", type=int, help="its id; the last one if it is not given")


def run(args: argparse.Namespace) -> None:
    """Replays, prints a RESULT line."""
    store = EpisodeStore.open(args.episodes)
    known = store.ids
    wanted = known[-1] if args.episode is None and known else args.episode
    if wanted not in known:
        there = f"{known[0]} to {known[-1]}" if known else "none"
        raise ValueError(f"there is no episode {wanted} in {args.episodes}; there are {there}")
    with arm_session(driven_arm(args)) as loop:
        found = replay(loop, store.load(wanted), store.spec.rate)
    print("RESULT", json.dumps({"episode": wanted, **asdict(found)}))
