"""Drives by ZIG SIM Pro, an iPhone app that knows where the phone is: a page's address is needed.

Run `teleop` or `record` first. In the app: ARKit (DEVICE) and Touch; protocol UDP, format OSC, this
machine's address, the port below, 60 messages a second. A finger on its screen is the clutch, a
second one opens and closes the gripper. Type start, keep, discard, success or failure here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

import aiohttp
from rich.console import Console

from robot.teleop.client import connected
from robot.teleop.session import WORDS
from robot.teleop.zigsim import ZigSim, ZigSimHand

LOOK = 0.5  # s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the page is, and which phone is heard."""
    parser.add_argument("address", help="of the page, token included, as `teleop` prints it")
    parser.add_argument("--device", required=True, help="UUID in the app's settings")
    parser.add_argument("--listen", type=int, default=50000, help="UDP port")


def run(args: argparse.Namespace) -> None:
    """Goes on until Ctrl-C, or the session is over.

    Raises:
        OSError: if the page is not there, or the port is taken.
    """
    try:
        asyncio.run(_bridge(args.address, args.device, args.listen))
    except aiohttp.ClientError as error:
        raise OSError(f"nobody serves {args.address}: {error}") from error


async def _bridge(address: str, device: str, port: int) -> None:
    loop, console = asyncio.get_running_loop(), Console()
    async with connected(address.rstrip("/") + "/") as client:
        hand = ZigSimHand(device)
        listening, _ = await loop.create_datagram_endpoint(
            lambda: ZigSim(hand, client), local_addr=("0.0.0.0", port)
        )
        words = asyncio.Queue[str]()
        with contextlib.suppress(OSError, ValueError):  # where there is no keyboard
            loop.add_reader(sys.stdin, lambda: words.put_nowait(sys.stdin.readline().strip()))
        await client.say(drive=True)
        console.print(f"hearing {device} on UDP port {port}; words: {', '.join(WORDS)}")
        try:
            while not client.state or client.state["session"]["phase"] != "over":
                with contextlib.suppress(TimeoutError):
                    word = await asyncio.wait_for(words.get(), LOOK)
                    if not word:
                        loop.remove_reader(sys.stdin)
                        continue
                    await client.say(say=word)
                if wrong := client.state.get("wrong"):
                    console.print(wrong)
        finally:
            listening.close()
            loop.remove_reader(sys.stdin)
