"""The arm from a terminal.

python -m robot virtual --task pick_banana      # an arm without an arm; prints its port
python -m robot check --port /dev/ttyUSB0
"""

from __future__ import annotations

import argparse
import importlib
import sys

from robot.arm_description import ARMS
from robot.arm_errors import ArmError
from robot.cameras.camera import CameraError

VERBS = (
    "virtual",
    "check",
    "home",
    "sleep",
    "recover",
    "monitor",
    "calibrate",
    "teleop",
    "record",
    "zigsim",
    "episodes",
    "rollout",
    "replay",
)


def main(words: list[str] | None = None) -> None:
    """Runs a verb; what is wrong with the arm, or with what was asked for, is one sentence."""
    parser = argparse.ArgumentParser(prog="python -m robot", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in VERBS:
        verb = importlib.import_module(f"robot.verbs.{name}")
        said = (verb.__doc__ or "").splitlines()[0]
        added = verbs.add_parser(name, help=said, description=verb.__doc__)
        known = sorted(path.stem for path in ARMS.glob("*.yaml"))
        added.add_argument("--arm", choices=known, default="viperx300s")
        verb.add_arguments(added)
        added.set_defaults(run=verb.run)
    args = parser.parse_args(words)
    try:
        args.run(args)
    except (ArmError, CameraError, ModuleNotFoundError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
