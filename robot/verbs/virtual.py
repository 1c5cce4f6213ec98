"""An arm without an arm: servos on a port of their own, MuJoCo behind them.

Prints the port, which is opened as that of a real arm; Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading

import torch

from robot.clock import promptly
from robot.verbs.tasks import add_task, task_named
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import WireFault
from robot.virtual.server import VirtualArmServer
from robot.virtual.world import VirtualWorld


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What lies on the table, and what goes wrong on the wire."""
    add_task(parser, default=None)
    parser.add_argument("--lockstep", action="store_true", help="time goes by only when asked for")
    parser.add_argument("--dropped", type=float, default=0.0, help="share of bytes that get lost")
    parser.add_argument("--corrupted", type=float, default=0.0, help="share that arrives wrong")
    said = "ends with whoever started it: when its standard input ends"
    parser.add_argument("--attached", action="store_true", help=said)
    parser.add_argument("--late", type=float, default=0.0, help="s that answers take too long")


def run(args: argparse.Namespace) -> None:
    """Serves until it is interrupted, or told to stop."""
    task = None if args.task is None else task_named(args.task, args.phi_set)
    phi = None
    if task is not None:
        generator = torch.Generator().manual_seed(args.seed)
        phi = task.phi_sets[args.phi_set].sample(1, generator)[0]
    arm = VirtualArm(args.arm, task, phi, args.seed)
    arm.wire = WireFault(args.dropped, args.corrupted, args.late)
    server = VirtualArmServer(arm, args.lockstep)
    if args.attached:
        threading.Thread(target=_end_with, args=(server,), daemon=True).start()
    promptly()
    print(server.path, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


def _end_with(server: VirtualArmServer) -> None:
    """Waits until whoever started us is gone."""
    sys.stdin.read()
    VirtualWorld(server.path).ask("stop")
