"""Recorded episodes: list, check, plot, play, relabel, trim, delete, card, export, import.

python -m robot episodes list data/pick_banana/teleoperated
python -m robot episodes relabel data/pick_banana/teleoperated 7 --failure --notes "it slipped"
python -m robot episodes export data/pick_banana/teleoperated to_share/pick_banana
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from robot.data_card import CARD, write_card
from robot.episode_check import check_episode
from robot.episode_edit import relabel, trim
from robot.episode_plot import plot_episodes
from robot.episodes import EpisodeStore
from robot.film import write_film
from robot.lerobot.export import export_lerobot
from robot.recordings.importer import import_recording
from robot.simulation.recorded_scene import draw_episode
from robot.verbs.tasks import task_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is to be done, and to which episodes."""
    ways = parser.add_subparsers(dest="what", required=True)
    added = {name: ways.add_parser(name, help=do.__doc__) for name, do in ACTIONS.items()}
    for name, way in added.items():
        if name != "import":
            way.add_argument("path", help="folder of the episodes")
    for name in ("play", "relabel", "trim", "delete"):
        added[name].add_argument("episode", type=int, help="its id, as `list` says")
    added["plot"].add_argument("episode", type=int, nargs="*", help="ids; all, if none is given")
    added["plot"].add_argument("--to", default="episodes.png", help="file")
    added["play"].add_argument("--to", default="episode.mp4", help="file")
    label = added["relabel"].add_mutually_exclusive_group(required=True)
    label.add_argument("--success", action="store_true", help="it worked")
    label.add_argument("--failure", action="store_true", help="it failed")
    added["relabel"].add_argument("--notes", help="instead of those there are")
    added["trim"].add_argument("--first", type=int, default=0, help="step that is kept")
    added["trim"].add_argument("--last", type=int, help="step that is kept; that of the episode")
    added["export"].add_argument("to", help="folder of the LeRobotDataset that is made")
    said = "numbers only; films of cameras are exported otherwise, if all episodes have them"
    added["export"].add_argument("--without-films", action="store_true", help=said)
    for name in ("card", "export"):
        added[name].add_argument("--licence", help="SPDX identifier, such as CC-BY-4.0")
    added["import"].add_argument("source", help="its file or folder")
    added["import"].add_argument("--rate", type=float, help="Hz, where it does not say")
    added["import"].add_argument("path", help="folder of the episodes that is made")


def run(args: argparse.Namespace) -> None:
    """Does it.

    Raises:
        ModuleNotFoundError: if what it needs is not installed.
        ValueError: if there is no such episode, or what is asked for cannot be done.
    """
    try:
        ACTIONS[args.what](args, Console())
    except KeyError as error:
        raise ValueError(str(error.args[0])) from error


def _list(args: argparse.Namespace, console: Console) -> None:
    """What there is."""
    store = EpisodeStore.open(args.path)
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


def _check(args: argparse.Namespace, console: Console) -> None:
    """Which are not as they should be."""
    store, wrong = EpisodeStore.open(args.path), 0
    for i in store.ids:
        try:
            check_episode(store.load(i), store.spec)
            store.films(i)
        except ValueError as error:
            wrong += 1
            console.print(f"episode {i}: {error}")
    console.print(f"{len(store)} episodes, {wrong} of them not as they should be")
    if wrong:
        sys.exit(1)


def _plot(args: argparse.Namespace, console: Console) -> None:
    """A picture of the commands over time."""
    store = EpisodeStore.open(args.path)
    ids = args.episode or store.ids
    if not ids:
        raise ValueError(f"{store.path} holds no episode yet")
    plot_episodes(store, ids).savefig(Path(args.to), dpi=110)
    console.print(f"{args.to}: {len(ids)} episodes")


def _play(args: argparse.Namespace, console: Console) -> None:
    """A film of an episode, drawn anew as it was seen."""
    store = EpisodeStore.open(args.path)
    episode, info = store.load(args.episode), store.info(args.episode)
    task = task_named(store.spec.task, store.metadata["provenance"].get("phi_set", "point"))
    with console.status("drawing"):
        pictures = draw_episode(episode, info, task, 640, 480)
    write_film(Path(args.to), round(store.spec.rate), pictures)
    console.print(f"{args.to}: {len(pictures)} steps, drawn as they were seen")
    for camera, film in store.films(args.episode).items():
        console.print(f"{film.file}: what camera {camera} saw", soft_wrap=True)


def _relabel(args: argparse.Namespace, console: Console) -> None:
    """Says anew whether an episode succeeded."""
    new = relabel(EpisodeStore.open(args.path), args.episode, args.success, args.notes)
    console.print(
        f"episode {args.episode} is now {new}: {'success' if args.success else 'failure'}"
    )


def _trim(args: argparse.Namespace, console: Console) -> None:
    """Cuts the beginning and the end of an episode off."""
    store = EpisodeStore.open(args.path)
    last = store.num_steps(args.episode) - 1 if args.last is None else args.last
    new = trim(store, args.episode, args.first, last)
    console.print(f"episode {args.episode} is now {new}: {store.num_steps(new)} steps")


def _delete(args: argparse.Namespace, console: Console) -> None:
    """Deletes an episode, for good."""
    store = EpisodeStore.open(args.path)
    store.delete(args.episode)
    console.print(f"episode {args.episode} is gone; {len(store)} are left")


def _card(args: argparse.Namespace, console: Console) -> None:
    """Writes README.md: what episodes there are, for whoever gets the folder."""
    store = EpisodeStore.open(args.path)
    write_card(store, store.path, args.licence)
    console.print(f"{store.path / CARD}: {len(store)} episodes")


def _export(args: argparse.Namespace, console: Console) -> None:
    """Makes a LeRobotDataset v3.0 of them."""
    store = EpisodeStore.open(args.path)
    export_lerobot(store, args.to, films=not args.without_films, licence=args.licence)
    console.print(f"{args.to}: {len(store)} episodes as a LeRobotDataset v3.0")


def _import(args: argparse.Namespace, console: Console) -> None:
    """Makes episodes of a recording: of LeRobot, TorchRL, ACT, robomimic, or .npz."""
    store = import_recording(args.source, args.path, args.rate)
    console.print(f"{args.path}: {len(store)} episodes at {store.spec.rate:g} Hz")


ACTIONS = {
    "list": _list,
    "check": _check,
    "plot": _plot,
    "play": _play,
    "relabel": _relabel,
    "trim": _trim,
    "delete": _delete,
    "card": _card,
    "export": _export,
    "import": _import,
}
