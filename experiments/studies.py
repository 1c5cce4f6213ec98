"""Studies that are run one at a time by their names, and the one table of what they measured."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from experiments import training
from experiments.results import Row, command, machine, write_rows

Study = Callable[[int], Row]  # of a seed
Lines = Callable[[Row], list[str]]  # of a table


def run_study(studies: Mapping[str, Study], results: Path, said: str | None) -> None:
    """Runs the study that the command line names, saves its row, prints the RESULT line.

    Args:
        studies: by name; the first, where none is named.
        results: file of rows.
        said: what the command line's help says.
    """
    parser = argparse.ArgumentParser(description=said)
    parser.add_argument("--study", choices=studies, default=next(iter(studies)))
    training.add_seed(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.monotonic()
    row: Row = {
        "task": "pick_banana",
        "method": args.study,
        "seed": args.seed,
        **studies[args.study](args.seed),
        "wall_s": time.monotonic() - begun,
        "command": command(),
        **machine(),
    }
    write_rows(results, [row])
    print("RESULT", json.dumps(row))


def table(name: str, rows: Sequence[Row], ways: Mapping[str, Lines]) -> Iterator[tuple[str, str]]:
    """The marked part of a page: what was measured beside what was asked, of studies that ran.

    Args:
        name: of the part.
        rows: results.
        ways: by study, what its row becomes.
    """
    lines = ["| what | measured | asked |", "|---|---:|---:|"]
    for row in rows:
        lines += ways[row["method"]](row)
    yield name, "\n".join(lines)
