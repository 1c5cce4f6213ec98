"""Whether the families of hidden task parameters are worth adapting to: rows of the page.

    python experiments/admission.py --task bumped_camera --seed 0

What ``python -m datamodules.check`` prints, as a row of study ``admission`` in
docs/results/adaptation/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from datamodules import Rollouts  # noqa: E402
from datamodules.check import admission, admitted, families  # noqa: E402
from experiments import training  # noqa: E402
from experiments.results import Row, command, machine, results_file, write_rows  # noqa: E402

STUDY = "admission"
EPISODES = 512
RESULTS = results_file("adaptation")


def main() -> None:
    """Checks a family, saves, prints the RESULT line."""
    known = families()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=known, required=True)
    training.add_seed(parser)
    args = parser.parse_args()
    family: Any = known[args.task]
    task = family(list(family.phi_sets)[-1], {"rollouts": Rollouts()})
    rates = admission(task, EPISODES, args.seed)
    row: Row = {
        "task": args.task,
        "method": STUDY,
        "study": STUDY,
        "seed": args.seed,
        "admitted": admitted(rates),
        "command": command(),
        **machine(),
    }
    for name, rate in rates.items():
        row |= rate.metrics(name)
    write_rows(RESULTS, [row])
    print("RESULT", json.dumps(row))


if __name__ == "__main__":
    main()
