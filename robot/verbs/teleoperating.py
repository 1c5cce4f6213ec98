"""What `teleop` and `record` share: an arm, a page to drive it, and who drives."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import io
import socket
import threading
from ipaddress import ip_address
from pathlib import Path
from ssl import SSLContext

import segno
import torch
from rich.console import Console

from robot.arm_env import CAMERA
from robot.arm_session import arm_session
from robot.cameras.camera import Camera, Lens
from robot.clock import MachineClock, promptly
from robot.episode_info import SCRIPTED
from robot.episodes import EpisodeStore
from robot.simulation.task import SimulatedTask
from robot.station import Station
from robot.teleop.certificate import context, own_certificate
from robot.teleop.clutch import SCALE, check_scale
from robot.teleop.driving import RATE, Driving
from robot.teleop.operator import Plan
from robot.teleop.pictures import Pictures
from robot.teleop.server import TeleopServer, listen
from robot.teleop.session import TeleopSession
from robot.teleop.teleoperated_env import TeleoperatedEnv
from robot.verbs.cameras import add_camera, camera_named, table_named
from robot.verbs.driving import driven_arm
from robot.verbs.tasks import add_task
from robot.virtual.camera_process import CameraProcess
from robot.virtual.process import virtual_arm

CERTIFICATES = Path("data/certificates")
PERSON = "person"
SMALL = Lens(480, 360, 431.0)  # a picture to look at is drawn beside the servo loop


def add_teleoperation(parser: argparse.ArgumentParser) -> None:
    """Which arm, what is seen of it, where the page is, who drives."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", help="of the arm, such as /dev/ttyUSB0")
    where.add_argument("--virtual", action="store_true", help="an arm that is made for it")
    add_task(parser, default="pick_banana")
    add_camera(parser, default=None)
    parser.add_argument("--scale", type=float, default=SCALE, help="gripper's way, of the hand's")
    parser.add_argument("--operator", choices=(PERSON, SCRIPTED), default=PERSON)
    parser.add_argument(
        "--host", help="address of this machine that the phone reaches; in numbers: no other does"
    )
    parser.add_argument("--page", type=int, default=8443, help="port of the page; any, if 0")
    parser.add_argument("--certificate", type=Path, help="that the phone trusts, such as mkcert's")
    parser.add_argument("--key", type=Path, help="of the certificate")
    parser.add_argument("--http", action="store_true", help="no HTTPS: phones then do not turn")


def teleoperate(
    args: argparse.Namespace,
    task: SimulatedTask,
    store: EpisodeStore | None = None,
    episodes: int | None = None,
    film: bool = False,
) -> None:
    """Serves the page, has the arm driven, parks it in the end.

    Args:
        args: of :func:`add_teleoperation`.
        task: whose things lie on the table.
        store: where episodes are kept; they are not, if None.
        episodes: how many the store holds in the end; goes on until Ctrl-C, if None.
        film: whether what the camera sees is kept with them.

    Raises:
        ArmError: if the arm is not as it should be, or was faulted.
        CameraError: if there is no such camera, or it does not work.
        OSError: if the page's port is taken.
        ValueError: if the certificate is none, the scale is out of range, or the scripted operator
            does not know the task.
    """
    torch.set_num_threads(1)
    check_scale(args.scale)
    plan = _plan(args, task)
    host = args.host or _address()
    tls = None if args.http else _tls(args, host)
    alone = args.host is not None and _in_numbers(args.host)
    console = Console()
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(listen(host if alone else "0.0.0.0", args.page))
        if args.virtual:
            words = ["--task", args.task, "--arm", args.arm, "--phi-set", args.phi_set]
            made = virtual_arm(*words, "--seed", str(args.seed))
            args.port = opened.enter_context(made)
        # Before the arm is driven: while a process starts, this one stands still.
        camera = camera_named(args, MachineClock(), opened)
        looks = _looks(args, camera, opened)
        if looks is not None and film:
            looks.latest()  # it works, and has begun, before the arm is driven
        pictures = None if looks is None else Pictures(looks)
        if pictures is not None:
            opened.callback(pictures.close)
        arm = driven_arm(args)
        table = table_named(args, task, camera, opened)
        loop = opened.enter_context(arm_session(arm, rate=RATE))
        env = TeleoperatedEnv(task, [Station(loop, table)], task.phi_sets[args.phi_set])
        driving = Driving(loop, arm.clock, args.scale)
        operator = SCRIPTED if plan else getpass.getuser()
        filmed = {CAMERA: looks} if looks is not None and film else {}
        session = TeleopSession(env, loop, driving, operator, store, episodes, args.seed, filmed)
        server = TeleopServer(session, pictures, listener, tls)
        server.start()
        opened.callback(server.close)
        scheme = "http" if tls is None else "https"
        _invite(console, f"{scheme}://{host}:{server.port}/{server.token}/")
        if plan is not None:
            here = host if alone else "127.0.0.1"
            own = f"{scheme}://{here}:{server.port}/{server.token}/"
            _operate(own, env, plan, args)
        promptly()
        with contextlib.suppress(KeyboardInterrupt):
            session.run()
        console.print("the arm lies down")


def _operate(address: str, env: TeleoperatedEnv, plan: Plan, args: argparse.Namespace) -> None:
    """Has the scripted operator drive, as anybody would: over the page's connection."""
    from robot.teleop.client import operate

    work = operate(address, env.arm, plan, args.seed, scale=args.scale)
    threading.Thread(target=asyncio.run, args=(work,), name="operator", daemon=True).start()


def _plan(args: argparse.Namespace, task: SimulatedTask) -> Plan | None:
    """Of the scripted operator, if it drives.

    Raises:
        ValueError: if it does not know how.
    """
    if args.operator != SCRIPTED:
        return None
    found: Plan | None = getattr(task, "plan", lambda: None)()
    if found is None:
        raise ValueError(f"no scripted operator knows how to do {task.spec.task!r}: drive yourself")
    return found


def _looks(
    args: argparse.Namespace, camera: Camera | None, opened: contextlib.ExitStack
) -> Camera | None:
    """What is looked through: the camera that was asked for, or one of a virtual arm."""
    if camera is not None or not args.virtual:
        return camera
    own = CameraProcess(args.port, MachineClock(), SMALL, noise=0.0)
    opened.callback(own.close)
    return own


def _tls(args: argparse.Namespace, host: str) -> SSLContext:
    certificate = args.certificate or own_certificate(CERTIFICATES, host)
    return context(certificate, args.key)


def _address() -> str:
    """This machine's on its network, in numbers; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: nobody is there
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def _in_numbers(host: str) -> bool:
    """Whether it is an address, not a name, which others may know this machine by."""
    try:
        return ip_address(host).version == 4
    except ValueError:
        return False


def _invite(console: Console, address: str) -> None:
    """Shows where the page is."""
    drawn = io.StringIO()
    segno.make(address, error="l").terminal(drawn, compact=True)
    console.print(drawn.getvalue(), highlight=False)
    console.print(f"On the phone, in the same network, scan this or open {address}", soft_wrap=True)
    console.print("Whoever has the address can drive the arm. Ctrl-C ends.")
