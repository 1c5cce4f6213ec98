"""Virtual arms in lockstep, for tests of drivers."""

import contextlib
import threading
from dataclasses import dataclass

from robot.dynamixel.arm import DynamixelArm
from robot.virtual.arm import VirtualArm
from robot.virtual.clock import LockstepClock
from robot.virtual.server import VirtualArmServer
from robot.virtual.world import VirtualWorld


@dataclass(frozen=True)
class Virtual:
    """A virtual arm: its port, a line to its world, its clock."""

    port: str
    world: VirtualWorld
    clock: LockstepClock

    def driver(self, arm="viperx300s"):
        """What drives it; time stands still while it waits for an answer."""
        return DynamixelArm(self.port, arm, clock=self.clock, patience=0.05)


@contextlib.contextmanager
def virtual_arm(**arguments):
    """One that is served by a thread."""
    server = VirtualArmServer(VirtualArm(**arguments), lockstep=True)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    world = VirtualWorld(server.path)
    try:
        yield Virtual(server.path, world, LockstepClock(world))
    finally:
        with contextlib.suppress(ConnectionError):
            world.ask("stop")
        world.close()
        thread.join(5)
        assert not thread.is_alive()
