"""A server whose session has no arm, for tests of who talks to it."""

import asyncio

from robot.teleop.driving import DrivingState
from robot.teleop.session import WORDS, MessageError, SessionState


class Driving:
    """Notes what it is told."""

    def __init__(self):
        self.heard, self.messages, self.left = -1, [], []
        self.state = DrivingState(False, "", "", 0, 0, "")

    def receive(self, message):
        self.heard = message.sequence
        self.messages.append(message)

    def leave(self, why):
        self.left.append(why)


class Session:
    def __init__(self):
        self.driving, self.said = Driving(), []
        self.state = SessionState("ready", 0, 3)

    def say(self, word, notes=""):
        if word not in WORDS:
            raise MessageError(f"{word} is no word")
        self.said.append((word, notes))


async def told(client, key, value, seconds=3):
    """Waits until a state says so."""
    for _ in range(round(seconds / 0.02)):
        if client.state.get(key) == value:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{key} is {client.state.get(key)!r}, not {value!r}")


async def left(session, times):
    """Waits until a driver has left so many times."""
    for _ in range(150):
        if len(session.driving.left) >= times:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"nobody has left: {session.driving.left}")
