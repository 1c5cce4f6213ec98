"""Recorded episodes: list, check, plot, relabel, trim, delete.

python -m robot episodes list data/pick_banana/teleoperated
python -m robot episodes relabel data/pick_banana/teleoperated 7 --failure --notes "it slipped"
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from robot.episode_check import check_episode
from robot.episode_edit import relabel, trim
from robot.episodes import EpisodeStore
from robot.schema import ACTION, OBSERVATION, OBSERVATION_TIME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is to be done, and to which episodes."""
    parser.add_argument("what", choices=ACTIONS, help="what is done")
    parser.add_argument("path", help="folder of the episodes")
    parser.add_argument("episode", type=int, nargs="?", help="its id, as `list` says; plot: all")
    label = parser.add_mutually_exclusive_group()
    label.add_argument("--success", action="store_true", help="relabel: it worked")
    label.add_argument("--failure", action="store_true", help="relabel: it failed")
    parser.add_argument("--notes", help="relabel: instead of those there are")
    parser.add_argument("--first", type=int, default=0, help="trim: the first step that is kept")
    parser.add_argument("--last", type=int, help="trim: the last one; that of the episode")
    parser.add_argument("--to", default="episodes.png", help="plot: file")


def run(args: argparse.Namespace) -> None:
    """Does it.

    Raises:
        ValueError: if what is needed for it is not given, or there is no such episode.
    """
    if args.what in ("relabel", "trim", "delete") and args.episode is None:
        raise ValueError(f"{args.what} which episode? Its id comes after the folder")
    if args.what == "relabel" and not (args.success or args.failure):
        raise ValueError("relabel as what? Give --success or --failure")
    try:
        ACTIONS[args.what](EpisodeStore.open(args.path), args, Console())
    except KeyError as error:
        raise ValueError(str(error.args[0])) from error


def _list(store: EpisodeStore, args: argparse.Namespace, console: Console) -> None:
    table = Table("id", "operator", "success", "steps", "s", "phi", "notes", box=None)
    for i in store.ids:
        info, steps = store.info(i), store.num_steps(i)
        phi = " ".join(f"{name} {value:.3f}" for name, value in info.phi.items())
        worked = "yes" if info.success else "no"
        seconds = f"{steps / store.spec.rate:.1f}"
        table.add_row(str(i), info.operator, worked, str(steps), seconds, phi, info.notes)
    console.print(table)
    seconds = ", ".join(f"{name} {value:.0f}" for name, value in store.total_seconds().items())
    console.print(
        f"{len(store)} episodes of {store.spec.task} at {store.spec.rate:g} Hz; s: {seconds}"
    )


def _check(store: EpisodeStore, args: argparse.Namespace, console: Console) -> None:
    wrong = 0
    for i in store.ids:
        try:
            check_episode(store.load(i), store.spec)
            store.info(i)
        except ValueError as error:
            wrong += 1
            console.print(f"episode {i}: {error}")
    console.print(f"{len(store)} episodes, {wrong} of them not as they should be")
    if wrong:
        sys.exit(1)


def _plot(store: EpisodeStore, args: argparse.Namespace, console: Console) -> None:
    ids = store.ids if args.episode is None else [args.episode]
    if not ids:
        raise ValueError(f"{store.path} holds no episode yet")
    joints = store.spec.joints
    drawn = Figure(figsize=(9, 1.5 * len(joints) + 1), layout="constrained")
    rows = drawn.subplots(len(joints), 1, sharex=True, squeeze=False)[:, 0]
    for i in ids:
        episode = store.load(i)
        seconds = (episode[OBSERVATION_TIME] - episode[OBSERVATION_TIME][0]).flatten()
        color = "C2" if store.info(i).success else "C3"
        for j, axes in enumerate(rows):
            axes.plot(seconds, episode[ACTION][:, j], color=color, lw=0.8)
            if len(ids) == 1 and j < episode[OBSERVATION, "joint_position"].shape[1]:
                measured = episode[OBSERVATION, "joint_position"][:, j]
                axes.plot(seconds, measured, color="0.5", lw=0.8, ls="--")
    for name, axes in zip(joints, rows, strict=True):
        axes.set_ylabel(f"{name}, {'m' if name == joints[-1] else 'rad'}", fontsize=8)
        axes.grid(alpha=0.3)
    rows[-1].set_xlabel("s; green: succeeded, red: failed; dashed: measured")
    drawn.savefig(Path(args.to), dpi=110)
    console.print(f"{args.to}: {len(ids)} episodes")


def _relabel(store: EpisodeStore, args: argparse.Namespace, console: Console) -> None:
    new = relabel(store, args.episode, args.success, args.notes)
    console.print(
        f"episode {args.episode} is now {new}: {'success' if args.success else 'failure'}"
    )


def _trim(store: EpisodeStore, args: argparse.Namespace, console: Console) -> None:
    last = store.num_steps(args.episode) - 1 if args.last is None else args.last
    new = trim(store, args.episode, args.first, last)
    console.print(f"episode {args.episode} is now {new}: {store.num_steps(new)} steps")


def _delete(store: EpisodeStore, args: argparse.Namespace, console: Console) -> None:
    store.delete(args.episode)
    console.print(f"episode {args.episode} is gone; {len(store)} are left")


ACTIONS: dict[str, Callable[[EpisodeStore, argparse.Namespace, Console], None]] = {
    "list": _list,
    "check": _check,
    "plot": _plot,
    "relabel": _relabel,
    "trim": _trim,
    "delete": _delete,
}
