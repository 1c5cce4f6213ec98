"""How fast everything is, against the floor it could reach; one thread, one process.

    python experiments/bench.py            # or make bench; one to four minutes
    python experiments/bench.py --write    # and into docs/performance.md
    python experiments/bench.py --quick    # does it run? seconds, rough numbers

What is compared takes turns (A B A B ...), each counts with its best turn, and CPU time is what is
measured: ratios hold on a machine that others use too, times nearly so.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from callbacks.summary import result_line  # noqa: E402
from experiments import bench_tables  # noqa: E402
from experiments.bench_denoisers import DENOISERS, LEROBOT, bench_denoiser  # noqa: E402
from experiments.bench_loader import bench_loader  # noqa: E402
from experiments.bench_profile import bench_profile  # noqa: E402
from experiments.bench_simulation import bench_simulation  # noqa: E402
from experiments.results import (  # noqa: E402
    IDENTITY,
    Row,
    Stopwatch,
    command,
    machine,
    read_rows,
    replace_between,
    results_file,
    write_rows,
)

METHOD = "beachhead"
DOCUMENT = ROOT / "docs" / "performance.md"


def main() -> None:
    """Measures, prints tables and a RESULT line, and writes them where asked to."""
    parser = argparse.ArgumentParser(description="How fast everything is, against its floor.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="rough numbers in seconds")
    parser.add_argument("--write", action="store_true", help="update docs/performance.md")
    args = parser.parse_args()
    if args.quick and args.write:
        parser.error("--quick is too rough to be written down")
    console = Console(width=None if Console().is_terminal else 100)
    row = measure(args.seed, args.quick, console)
    for table in bench_tables.tables(row, LEROBOT):
        console.print(table.rich())
    if (load := row["machine/load"]) > 0.5:
        console.print(
            f"[yellow]Others used this machine (load {load:.1f} before): 2 threads had no 2 idle "
            "cores, their scaling by wall time is too low. CPU times hold, but for shared caches."
        )
    if args.write:
        write(row)
    print(result_line({k: v for k, v in row.items() if not isinstance(v, str) or k == "config"}))


def measure(seed: int, quick: bool, console: Console) -> Row:
    """All numbers of a run, with what it was run on."""
    load, watch = os.getloadavg()[0], Stopwatch()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    measured: dict[str, float] = {}
    with Progress(console=console, transient=True) as progress:
        for label, part in progress.track(parts(quick), description="measuring"):
            progress.console.print(f"{label} ...")
            measured |= part()
    return {
        "task": "pick_banana",
        "method": METHOD,
        "seed": seed,
        "command": command(),
        "config": "quick" if quick else "full",
        **machine(),
        "machine/load": load,
        **{key: float(f"{value:.6g}") for key, value in measured.items()},
        **watch.read(),
    }


def parts(quick: bool) -> list[tuple[str, Callable[[], dict[str, float]]]]:
    """What is measured, in order; with sizes that take seconds if ``quick``."""
    turns = {"rounds": 1, "seconds": 0.0} if quick else {}
    tiny_loader = {"num_episodes": 8, "steps": 40, "rounds": 1} if quick else {}
    tiny_physics = {"batches": (1, 2), "picks": 1, "max_steps": 2, "env_steps": 1} if quick else {}
    return [
        ("loader", partial(bench_loader, **tiny_loader)),
        *((name, partial(bench_denoiser, name, **turns)) for name in DENOISERS),
        ("simulation", partial(bench_simulation, **tiny_physics)),
        ("profiles", partial(bench_profile, **({"repeats": 4} if quick else {}))),
    ]


def write(row: Row) -> None:
    """Saves a run and regenerates the tables of the document from what is saved."""
    path = results_file("performance")
    write_rows(path, [row, LEROBOT], identity=(*IDENTITY, "machine/cpu", "machine/cores"))
    rows = read_rows(path)
    published = next(r for r in rows if r["method"] == LEROBOT["method"])
    for table in bench_tables.tables(row, published):
        replace_between(DOCUMENT, table.name, table.markdown())
    origin = (
        f"{row['machine/cpu']}, {row['machine/cores']} cores, torch {row['machine/torch']}, "
        f"mujoco {row['machine/mujoco']}; load average before the run {row['machine/load']:.1f}; "
        f"`{row['command']}`."
    )
    replace_between(DOCUMENT, "machine", origin)


if __name__ == "__main__":
    main()
