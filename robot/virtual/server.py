"""A virtual arm in a process of its own, behind a port and a line to talk to the world on.

The port is what a driver opens. The *line*, beside it, is for what is not the driver's: putting
things on the table, asking for the truth, faults, and the clock where time goes by on request.
"""

from __future__ import annotations

import heapq
import os
import pickle
import select
import socket
import time
from collections.abc import Callable
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from robot.virtual.arm import VirtualArm
from robot.virtual.port import VirtualPort
from robot.virtual.world import line_of

TICK = 0.005  # s between steps of the physics
# Behind by more, it lets the time go instead of catching up with it.
BEHIND = 0.25


class VirtualArmServer:
    """Serves a virtual arm until it is told to stop.

    Args:
        arm: what is served.
        lockstep: whether time goes by only when asked for.
    """

    def __init__(self, arm: VirtualArm, lockstep: bool = False) -> None:
        self.arm = arm
        self.lockstep = lockstep
        self._port = VirtualPort()
        self.path = self._port.path
        self._place = Path(line_of(self.path))
        self._place.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._place))
        os.chmod(self._place, 0o600)  # what is said on a line is pickled: nobody else may speak
        self._listener.listen()
        self._lines: dict[int, Connection[Any, Any]] = {}
        self._late: list[tuple[float, int, bytes]] = []
        self._order = count()
        self._going = self._plugged = True

    def run(self) -> None:
        """Serves."""
        reached = time.monotonic()
        try:
            while self._going:
                now = time.monotonic()
                if not self.lockstep:
                    reached = max(reached, now - BEHIND)
                    if reached + TICK <= now:  # one at a time: nobody waits while it catches up
                        self.arm.advance(TICK)
                        reached += TICK
                while self._late and self._late[0][0] <= now:
                    late = heapq.heappop(self._late)[2]
                    if self._plugged:
                        self._port.send(late)
                self._serve(until=reached + TICK)
        finally:
            for line in (self._listener, *self._lines.values()):
                line.close()
            self._place.unlink(missing_ok=True)
            if self._plugged:
                self._port.close()

    def _serve(self, until: float) -> None:
        """Answers whoever speaks first, on the port or on a line."""
        due = [until] if not self.lockstep else []
        due += [self._late[0][0]] if self._late else []
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        port = [self._port.fileno()] if self._plugged else []
        everyone = [*port, self._listener.fileno(), *self._lines]
        for ready in select.select(everyone, [], [], timeout)[0]:
            if ready in port:
                self._port.serve(self._answer, 0.0)
            elif ready == self._listener.fileno():
                line = self._listener.accept()[0].detach()
                self._lines[line] = Connection(line)
            else:
                self._hear(ready)

    def _answer(self, data: bytes) -> bytes:
        answer = self.arm.feed(data)
        if not self.arm.wire.late or not answer:
            return answer
        due = time.monotonic() + self.arm.wire.late
        heapq.heappush(self._late, (due, next(self._order), answer))
        return b""

    def _hear(self, number: int) -> None:
        """One request on a line: the name of what is to be done, and its arguments."""
        line = self._lines[number]
        try:
            name, arguments = pickle.loads(line.recv_bytes())
        except (EOFError, OSError):
            del self._lines[number]
            line.close()
            return
        requests: dict[str, Callable[..., Any]] = {
            "advance": self.arm.advance,
            "reset": self.arm.reset,
            "expect": self.arm.expect,
            "pose": self.arm.pose,
            "suffer": self.arm.suffer,
            "world": self.arm.world,
            "scene": self.arm.scene,
            "success": self.arm.success,
            "unplug": self._unplug,
            "stop": self._stop,
        }
        try:
            said = requests[name](*arguments)
        except Exception as error:  # whoever asked is to know, and the arm goes on
            said = error
        line.send_bytes(pickle.dumps(said))

    def _unplug(self) -> None:
        """Pulls the cable: the port is gone, the arm is not."""
        self._port.close()
        self._plugged = False

    def _stop(self) -> None:
        self._going = False
