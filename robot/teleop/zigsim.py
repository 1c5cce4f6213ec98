"""ZIG SIM Pro, an app that knows where an iPhone is (ARKit), as a hand: by OSC over UDP.

Of what it can send, *ARKit* (mode DEVICE) and *Touch* are read:
``/<device>/arkitposition`` x y z (m), ``/<device>/arkitrotation`` x y z w, ``/<device>/touch01``
while a finger is on the screen and ``/<device>/touch11`` while a second one is. A finger is the
clutch; each time a second one comes the gripper opens or closes.
"""

from __future__ import annotations

import asyncio
import math

import mink
import numpy as np
from pythonosc.osc_packet import OscPacket, ParseError

from robot.inverse_kinematics import Array
from robot.teleop.client import TeleopClient

CLUTCH, TOGGLE = "touch01", "touch11"


class ZigSimHand:
    """What is known of the hand from the packets that came.

    Args:
        device: as the app's settings have it; others are not heard.

    Attributes:
        position: ``[3]`` m in the operator's frame: x ahead, as the phone pointed when the clutch
            was pressed, y to the left, z up.
        held: whether the clutch is pressed.
        opening: of the gripper, 0 or 1.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._here: Array | None = None
        self._attitude: mink.SO3 | None = None
        self._pressed = self._ahead = mink.SO3.identity()
        self._two = False
        self.position = np.zeros(3)
        self.held, self.opening = False, 1.0

    @property
    def rotation(self) -> Array:
        """By how much it was turned about the vertical since the clutch was pressed, wxyz."""
        if not self.held or self._attitude is None:
            return np.array([1.0, 0.0, 0.0, 0.0])
        since = self._attitude @ self._pressed.inverse()
        w, _, _, z = (self._ahead @ since @ self._ahead.inverse()).wxyz
        norm = math.hypot(w, z)
        return np.array([w / norm, 0.0, 0.0, z / norm]) if norm else np.array([1.0, 0.0, 0.0, 0.0])

    def hear(self, datagram: bytes) -> bool:
        """Takes a packet in; whether it said where the device is."""
        said = self._said(datagram)
        place, turn = said.get("arkitposition", []), said.get("arkitrotation", [])
        if (len(place), len(turn)) != (3, 4):
            return False
        x, y, z = place
        qx, qy, qz, qw = turn
        if abs(math.hypot(qx, qy, qz, qw) - 1) > 0.01:
            return False
        # ARKit: x to the right, y up, z back.
        here, attitude = np.array([-z, -x, y]), mink.SO3(np.array([qw, -qz, -qx, qy])).normalize()
        held, two = CLUTCH in said, TOGGLE in said
        if held and not self.held:
            self._press(attitude)
        elif held and self._here is not None:
            self.position = self.position + self._ahead.apply(here - self._here)
        if held and two and not self._two:
            self.opening = 1.0 - self.opening
        self._here, self._attitude, self.held, self._two = here, attitude, held, two
        return True

    def _press(self, attitude: mink.SO3) -> None:
        x, y, _ = attitude.apply(np.array([1.0, 0.0, 0.0]))  # where its camera looks
        self._pressed, self._ahead = attitude, mink.SO3.from_z_radians(-math.atan2(y, x))

    def _said(self, datagram: bytes) -> dict[str, list[float]]:
        """The numbers that the device said, by the last part of the address."""
        try:
            messages = [timed.message for timed in OscPacket(datagram).messages]
        except (ParseError, ValueError, IndexError):
            return {}
        start = f"/{self._device}/"
        return {
            message.address.removeprefix(start): _numbers(message.params)
            for message in messages
            if message.address.startswith(start)
        }


def _numbers(values: list[object]) -> list[float]:
    """Those that are."""
    return [value for value in values if isinstance(value, float) and math.isfinite(value)]


class ZigSim(asyncio.DatagramProtocol):
    """Sends on to a server what comes from the app.

    Args:
        hand: that hears it.
        client: of the server.
    """

    def __init__(self, hand: ZigSimHand, client: TeleopClient) -> None:
        self._hand, self._client = hand, client
        self._sending: set[asyncio.Task[None]] = set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A packet."""
        hand = self._hand
        if not hand.hear(data):
            return
        said = self._client.hold(hand.position, hand.rotation, hand.opening, hand.held)
        task = asyncio.get_running_loop().create_task(said)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
