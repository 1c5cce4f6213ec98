"""The scripted operator as a client of a running server: it sends what a phone sends.

It sees what the page shows, takes hold of the clutch and moves its hand so that the gripper goes
where its plan says, in a hand's metres: the gripper goes ``scale`` as far.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import mink
import numpy as np
import torch
from tensordict import TensorDict

from robot.arm_description import ArmDescription
from robot.forward_kinematics import forward_kinematics
from robot.seeds import training_seed
from robot.teleop.clutch import SCALE
from robot.teleop.hand_message import HandMessage
from robot.teleop.operator import NORMAL, Plan, ScriptedOperator, Style, Waypoint

RATE = 60.0  # Hz
ENDS = 3.0  # s after its last waypoint it gives up


class TeleopClient:
    """A connection to a server; knows the state that it was told last.

    Args:
        socket: that is open.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._told = asyncio.Event()
        self._numbers = count()
        self.state: dict[str, Any] = {}

    async def listen(self) -> None:
        """Takes in what it is told, until the connection ends."""
        async for message in self._socket:
            self.state = json.loads(message.data)
            self._told.set()

    async def until(self, *phases: str) -> str:
        """Waits for a phase of the session; the one there is."""
        while True:
            self._told.clear()
            await self._told.wait()
            if (phase := self.state["session"]["phase"]) in phases:
                return phase

    async def say(self, **message: Any) -> None:
        """Sends an object."""
        await self._socket.send_str(json.dumps(message))

    async def hold(
        self, position: np.ndarray, rotation: np.ndarray, opening: float, held: bool = True
    ) -> None:
        """Sends where the hand is."""
        now = asyncio.get_running_loop().time()
        sequence = next(self._numbers)
        hand = HandMessage(sequence, now, held, position, rotation, opening)
        await self._socket.send_str(hand.text())


@asynccontextmanager
async def connected(address: str) -> AsyncGenerator[TeleopClient]:
    """A client of the page at an address, such as ``https://192.168.0.5:8443/TOKEN/``.

    Its certificate is not checked: the token is what matters, and it is our own.
    """
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address + "socket", ssl=False) as socket,
    ):
        client = TeleopClient(socket)
        listening = asyncio.create_task(client.listen())
        try:
            yield client
        finally:
            listening.cancel()


async def operate(
    address: str,
    arm: ArmDescription,
    plan: Plan,
    seed: int,
    style: Style = NORMAL,
    scale: float = SCALE,
) -> None:
    """Drives episodes until the session is over; keeps those that succeed.

    Args:
        address: of the page.
        arm: that is driven, from its home.
        plan: waypoints from what is seen.
        seed: of the operator's variation.
        style: how much it varies.
        scale: of the gripper's way, of the hand's.
    """
    async with connected(address) as client:
        await client.say(drive=True)
        for attempt in count():
            if await client.until("ready", "over") == "over":
                return
            random = np.random.default_rng(training_seed(seed, attempt))
            await _one_episode(client, arm, plan, random, style, scale)
            if await client.until("deciding", "putting", "ready", "over") == "deciding":
                success = client.state["session"]["success"]
                await client.say(say="keep" if success else "discard")
                await client.until("putting", "ready", "over")


async def _one_episode(
    client: TeleopClient,
    arm: ArmDescription,
    plan: Plan,
    random: np.random.Generator,
    style: Style,
    scale: float,
) -> None:
    point, matrix = forward_kinematics(arm, torch.tensor(arm.home, dtype=torch.float64))
    home = Waypoint(point.numpy(), 0.0, arm.gripper.range[1], seconds=0.0)
    upright = mink.SO3.from_matrix(matrix.numpy())
    operator = ScriptedOperator(plan, RATE, home, style)
    time = asyncio.get_running_loop().time
    begun = time()
    rotation = np.array([1.0, 0.0, 0.0, 0.0])
    await client.hold(np.zeros(3), rotation, 1.0, held=False)
    still, last = 0, None
    for i, message in enumerate(operator.messages(_seen(client.state), random, begun), start=1):
        await asyncio.sleep(begun + i / RATE - time())
        position = (message.pose.position - home.position) / scale
        turned = mink.SO3(message.pose.quaternion) @ upright.inverse()
        opening = message.opening / arm.gripper.range[1]
        if client.state["session"]["phase"] not in ("ready", "driving"):
            break
        await client.hold(position, np.asarray(turned.wxyz), opening)
        still = still + 1 if last is not None and np.array_equal(position, last) else 0
        last = position
        if still > ENDS * RATE:
            await client.say(say="failure")
            await client.until("deciding", "putting")
            break
    await client.hold(last if last is not None else np.zeros(3), rotation, 1.0, held=False)


def _seen(state: dict[str, Any]) -> TensorDict:
    """What a plan is made from."""
    session = state["session"]
    return TensorDict(
        {
            "object_position": torch.tensor(session["position"]),
            "object_rotation": torch.tensor(session["rotation"]),
        }
    )
