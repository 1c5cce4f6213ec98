"""Records demonstrations: things are put in place, you drive, the episode is kept or done again.

A recording that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from robot.data_card import write_card
from robot.episodes import EpisodeStore
from robot.record import check_provenance
from robot.verbs.tasks import task_named
from robot.verbs.teleoperating import add_teleoperation, teleoperate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """As of `teleop`; where episodes are kept, and how many."""
    add_teleoperation(parser)
    parser.add_argument("--episodes", type=int, default=30, help="that there are to be in the end")
    parser.add_argument("--film", action="store_true", help="keep what the camera sees, too")
    parser.add_argument("--path", help="folder; data/<task>/teleoperated, if not given")


def run(args: argparse.Namespace) -> None:
    """Records, prints a summary and a RESULT line.

    Raises:
        ValueError: if there are to be no episodes, or films without a camera.
    """
    if args.episodes < 1:
        raise ValueError(f"--episodes is {args.episodes}, must be at least 1")
    if args.film and args.camera is None and not args.virtual:
        raise ValueError("--film keeps what a camera sees: give --camera, too")
    task = task_named(args.task, args.phi_set)
    provenance = {"phi_set": args.phi_set, "seed": args.seed, "arm": args.arm}
    path = args.path or f"data/{args.task}/teleoperated"
    store = EpisodeStore.open_or_create(path, task.spec, **provenance)
    check_provenance(store, provenance)
    before = len(store)
    teleoperate(args, task, store, args.episodes, args.film)
    if len(store):
        write_card(store, store.path)
    made = [store.info(i) for i in store.ids[before:]]
    human, scripted = (sum(getattr(i, s) for i in made) for s in ("human_s", "scripted_s"))
    successes = sum(info.success for info in made)
    console = Console()
    console.print(
        f"{path}: {len(store)} episodes, {len(made)} of them new, {successes} of those successful, "
        f"{human + scripted:.0f} s of driving"
    )
    found = {"episodes": len(store), "new": len(made), "successes": successes}
    print("RESULT", json.dumps({**found, "time/human_s": human, "time/scripted_s": scripted}))
