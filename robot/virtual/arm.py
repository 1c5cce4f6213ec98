"""A virtual arm: servos on a bus, what they move, and a task's things on the table."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from robot.arm_description import load_arm
from robot.dynamixel.wiring import load_wiring
from robot.schema import MAX_OBJECTS
from robot.simulation.physics import NQ, NV
from robot.simulation.scene import Scene, compile_scene
from robot.simulation.task import SimulatedTask, WorldState
from robot.simulation.world import world_state
from robot.virtual.bus import VirtualBus
from robot.virtual.faults import ServoFault, WireFault
from robot.virtual.plant import ArmPlant
from robot.virtual.servo import VirtualServo


class VirtualArm:
    """All that is behind the port.

    Args:
        arm: name of its description.
        task: whose things lie on the table; nothing does if None.
        phi: the task's parameters, ``[P]``; needed with a task.
        seed: of what is lost on the wire.

    Attributes:
        servos: by id.
        wire: what happens to answers.
    """

    def __init__(
        self,
        arm: str = "viperx300s",
        task: SimulatedTask | None = None,
        phi: Tensor | None = None,
        seed: int = 0,
    ) -> None:
        self.description, self.wiring = load_arm(arm), load_wiring(arm)
        self.task = task
        self.servos = {s.id: VirtualServo(s.model, s.id) for s in self.wiring.servos}
        for wired in self.wiring.servos:
            if wired.shadows is not None:
                self.servos[wired.id].set("Secondary(Shadow) ID", wired.shadows)
            self.servos[wired.id].set("Drive Mode", int(wired.reversed))
            self.servos[wired.id].set("Baud Rate", 3)  # 1 Mbit/s, as the maker ships them
        self.wire = WireFault()
        self._bus = VirtualBus(list(self.servos.values()))
        self._chance = random.Random(seed)
        self._left = 0.0  # of the time that went by, s: less than a timestep
        self._phi = torch.zeros(1, 0)
        self._mask = torch.zeros(1, MAX_OBJECTS)
        self._scene = Scene((), arm)
        self._plant = self._on(self._scene)
        self.pose(self.description.sleep, self.description.gripper.range[0])
        if phi is not None:
            self.reset(phi)

    def _on(self, scene: Scene) -> ArmPlant:
        return ArmPlant(self.description, self.wiring, self.servos, compile_scene(scene))

    def reset(self, phi: Tensor) -> None:
        """Puts a task's things on the table, ``phi [P]``; the arm stays where it is.

        Raises:
            ValueError: without a task, or if ``phi`` has another number of parameters.
        """
        task = self.task
        if task is None or len(phi) != len(task.phi_space):
            wanted = "there is no task" if task is None else f"it has {len(task.phi_space)}"
            raise ValueError(f"{len(phi)} task parameters are given and {wanted}")
        self._scene, pose = task.scene(phi), task.place(phi[None])[0]
        joints = len(self.description.joints)
        was = self._plant.data.qpos[: joints + 2].copy()
        self._plant = self._on(self._scene)
        self._plant.data.qpos[joints + 2 :] = pose.double().flatten()[
            : 7 * len(self._scene.objects)
        ]
        self._plant.place(was[:joints].tolist(), float(was[joints:].sum()))
        self.expect(phi)
        self._mask = (torch.arange(MAX_OBJECTS) < len(self._scene.objects)).float()[None]

    def expect(self, phi: Tensor) -> None:
        """Has success be that of task parameters ``[P]``; nothing on the table moves."""
        self._phi = phi[None].float()

    def feed(self, data: bytes) -> bytes:
        """What arrives of the answers to bytes on the wire."""
        return self.wire.on(self._bus.feed(data), self._chance)

    def advance(self, seconds: float) -> None:
        """Lets time go by, in whole timesteps of the physics."""
        timestep = self._plant.timestep
        self._left += seconds
        while self._left > timestep / 2:
            self._plant.step()
            self._bus.advance(timestep)
            self._left -= timestep

    def suffer(self, fault: WireFault | ServoFault) -> None:
        """Lets a fault happen.

        Raises:
            ValueError: if there is no such servo.
        """
        if isinstance(fault, WireFault):
            self.wire = fault
        elif fault.servo not in self.servos:
            known = ", ".join(map(str, self.servos))
            raise ValueError(f"there is no servo {fault.servo}; there are {known}")
        else:
            fault.happen(self.servos[fault.servo])

    def pose(self, joints: Sequence[float], opening: float) -> None:
        """Puts the arm somewhere, as a person would who carries it."""
        self._plant.place(joints, opening)
        self._bus.advance(0.0)  # servos feel it

    def scene(self) -> tuple[Scene, Tensor]:
        """What stands there, and positions of joints and objects ``[nq]``, for drawing."""
        return self._scene, torch.from_numpy(self._plant.data.qpos.copy())

    def world(self) -> WorldState:
        """The truth, for success tests and simulated cameras; never for a policy."""
        positions, velocities = torch.zeros(1, NQ), torch.zeros(1, NV)
        data = self._plant.data
        positions[0, : len(data.qpos)] = torch.from_numpy(data.qpos)
        velocities[0, : len(data.qvel)] = torch.from_numpy(data.qvel)
        return world_state(self.description, positions, velocities, self._mask)

    def success(self) -> bool:
        """Whether the task's goal is reached at this instant."""
        return self.task is not None and bool(self.task.success(self.world(), self._phi)[0])
