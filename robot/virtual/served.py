"""A virtual arm served by a thread of this process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from dataclasses import dataclass

from robot.dynamixel.arm import DynamixelArm
from robot.virtual.arm import VirtualArm
from robot.virtual.clock import LockstepClock
from robot.virtual.server import VirtualArmServer
from robot.virtual.world import VirtualWorld

JOIN = 5.0  # s until a server that was told to stop has to have stopped


@dataclass(frozen=True)
class Served:
    """One that is served.

    Attributes:
        port: what a driver opens.
        world: the line beside it.
        clock: its time, which waits, where it is in lockstep.
    """

    port: str
    world: VirtualWorld
    clock: LockstepClock

    def driver(self, arm: str = "viperx300s") -> DynamixelArm:
        """What drives it in lockstep; time stands still while it waits for an answer."""
        return DynamixelArm(self.port, arm, clock=self.clock, patience=0.05)


@contextlib.contextmanager
def served(arm: VirtualArm, lockstep: bool = True) -> Generator[Served]:
    """Serves an arm; ends with it.

    Args:
        arm: what is served.
        lockstep: whether its time goes by only when asked for.
    """
    server = VirtualArmServer(arm, lockstep)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    world = VirtualWorld(server.path)
    try:
        yield Served(server.path, world, LockstepClock(world))
    finally:
        with contextlib.suppress(ConnectionError):
            world.ask("stop")
        world.close()
        thread.join(JOIN)
        if thread.is_alive():
            raise RuntimeError("a virtual arm was told to stop and did not")
