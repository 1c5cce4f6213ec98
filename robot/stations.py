"""Arms at their tables as a config names them, held in one session from first use to the end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Literal

from robot.arm_description import load_arm
from robot.arm_env import ArmEnv
from robot.arm_session import arm_session
from robot.clock import MachineClock
from robot.dynamixel.arm import DynamixelArm
from robot.dynamixel.serial_port import PATIENCE
from robot.episodes import EpisodeStore
from robot.phi import PhiSet
from robot.rests import Rests
from robot.self_reset import SelfReset
from robot.simulation.task import SimulatedTask
from robot.station import Station
from robot.tables import CALIBRATION, TableCamera, table_of, virtual_world
from robot.virtual.clock import LockstepClock

# s that an answer may take where time stands still meanwhile.
UNHURRIED = 0.2
RESTS = Rests()


class Stations:
    """Arms that a task is done on, in the place of simulated ones.

    Args:
        ports: of the arms, such as ``/dev/ttyUSB0``; all are of one kind.
        arm: name of their description.
        clock: ``machine``, or ``lockstep`` with virtual arms that wait for it.
        episodes: folder of a store that every episode is added to; none is kept if None.
        self_reset: whether arms put things in place themselves, and a person does where they fail.
        rests: that each arm takes.
        cameras: over each arm's table, in the order of ports; none are needed over virtual arms.
        film: whether what they see is kept with the episodes.

    Raises:
        ValueError: if there is no port, or one twice, or not one camera for each arm.
    """

    def __init__(
        self,
        ports: Sequence[str],
        arm: str = "viperx300s",
        clock: Literal["machine", "lockstep"] = "machine",
        episodes: str | None = None,
        self_reset: bool = False,
        rests: Rests = RESTS,
        cameras: Sequence[TableCamera] = (),
        film: bool = False,
    ) -> None:
        if not ports or len(set(ports)) < len(ports):
            raise ValueError(f"each arm has a port of its own, these are given: {list(ports)}")
        if cameras and len(cameras) != len(ports):
            raise ValueError(f"each arm has a camera of its own: {len(cameras)} for {len(ports)}")
        if film and not cameras:
            raise ValueError("without cameras nothing is filmed")
        self.ports = list(ports)
        self.cameras: list[TableCamera | None] = list(cameras) or [None] * len(self.ports)
        self.film = film
        self.arm = arm
        self.clock = clock
        self.episodes = episodes
        self.self_reset = self_reset
        self.rests = rests
        self._session = ExitStack()
        self._environment: ArmEnv | None = None

    def environment(self, task: SimulatedTask, phi_set: PhiSet, seed: int) -> ArmEnv:
        """The arms as an environment: the same, whoever asks; they are connected for the first.

        Raises:
            ArmError: if an arm cannot be connected.
            CameraError: if a camera cannot be opened.
            FileNotFoundError: if no virtual arm is on a port and no camera is over it, or that was
                not calibrated.
        """
        if self._environment is None:
            self._environment = self._connected(task, phi_set)
        self._environment.phi_set = phi_set
        self._environment.set_seed(seed)
        return self._environment

    def _connected(self, task: SimulatedTask, phi_set: PhiSet) -> ArmEnv:
        worlds = [virtual_world(*named) for named in zip(self.ports, self.cameras, strict=True)]
        simulations = [world for world in worlds if world is not None]
        for world in simulations:
            self._session.callback(world.close)
        simulated = self.clock == "lockstep"
        if simulated and len(simulations) < len(worlds):
            raise ValueError("time stands still for virtual arms only: clock is 'machine'")
        clock = LockstepClock(*simulations) if simulated else MachineClock()
        stations: list[Station] = []
        for port, world, named in zip(self.ports, worlds, self.cameras, strict=True):
            camera = None if named is None else named.open(port, clock)
            if camera is not None:
                self._session.callback(camera.close)
            calibration = CALIBRATION if named is None else named.calibration
            table = table_of(task, load_arm(self.arm), world, camera, calibration)
            patience = UNHURRIED if simulated else PATIENCE
            arm = DynamixelArm(port, self.arm, clock=clock, patience=patience)
            session = arm_session(arm, clock=clock)
            loop = self._session.enter_context(session)
            resets = SelfReset(loop, table, task, clock) if self.self_reset else None
            stations.append(Station(loop, table, resets, self.rests, camera if self.film else None))
        store = None
        if self.episodes is not None:
            store = EpisodeStore.open_or_create(self.episodes, task.spec)
        return ArmEnv(task, stations, phi_set, clock=clock, store=store)

    def metrics(self) -> dict[str, float]:
        """What the arms have been through so far; nothing before they are used."""
        return {} if self._environment is None else self._environment.metrics()

    def close(self) -> None:
        """Sends the arms to their rest. Again does nothing.

        Raises:
            ArmError: if one does not get there.
        """
        self._environment = None
        self._session.close()
