"""The arm puts things where the next episode wants them, so that nobody has to."""

from __future__ import annotations

import math

import torch
from tensordict import TensorDict
from torch import Tensor

from robot.arm_errors import ArmError
from robot.arm_session import go
from robot.clock import Clock
from robot.inverse_kinematics import InverseKinematics, top_down
from robot.observation import SeenObjects
from robot.servo_loop import ServoLoop
from robot.simulation.task import SimulatedTask
from robot.simulation.world import first_two_columns
from robot.tabletop import Tabletop
from robot.teleop.operator import Waypoint, grasp_yaw, object_pose, pick

NEAR, NEARLY = 0.02, math.radians(20)  # m and rad by which a thing may be off
EMPTY = 0.008  # m: fingers that close further hold nothing
CARRIED = 0.16  # m above the table
SETTLED = 0.5  # s in which fingers open or close


class SelfReset:
    """Picks things up where they are seen and puts them down where they are wanted.

    What is out of the arm's reach, slips or cannot be seen is left to a person.

    Args:
        loop: that drives the arm.
        tabletop: that sees.
        task: which says where things are wanted.
        clock: tells the time.
    """

    def __init__(
        self, loop: ServoLoop, tabletop: Tabletop, task: SimulatedTask, clock: Clock
    ) -> None:
        self._loop, self._tabletop, self._task, self._clock = loop, tabletop, task, clock
        self._kinematics = InverseKinematics(loop.arm.description)
        self._before: Tensor | None = None

    def put(self, phi: Tensor) -> bool:
        """Has things where task parameters ``[P]`` want them; the arm is anywhere after it.

        Returns:
            Whether it was tried: not the first time, when nobody knows what lies there, nor where
            other things are wanted than there are, or fingers closed on nothing.

        Raises:
            ArmError: if the arm is faulted.
        """
        before, self._before = self._before, phi
        task = self._task
        if before is None or task.scene(before).objects != task.scene(phi).objects:
            return False
        wanted = task.place(phi[None])[0]
        for slot, pose in enumerate(wanted):
            self._tabletop.observe(self._loop.state)
            if _is_near(self._tabletop.objects(), slot, pose):
                continue
            try:
                if not self._carry(slot, pose):
                    return False
            except ArmError:
                if self._loop.fault is not None:
                    raise
                return False  # it is out of reach
        return True

    def is_done(self, phi: Tensor) -> bool:
        """Whether things are where they are wanted, as far as is seen."""
        self._tabletop.observe(self._loop.state)
        seen = self._tabletop.objects()
        return all(_is_near(seen, i, pose) for i, pose in enumerate(self._task.place(phi[None])[0]))

    def _carry(self, slot: int, pose: Tensor) -> bool:
        """Brings a thing to a pose ``[7]``; whether it was in the hand on the way."""
        seen = self._tabletop.objects()
        observation = TensorDict(
            {"object_position": seen.position[0], "object_rotation": seen.rotation[0]}
        )
        wide = self._loop.arm.description.gripper.range[1]
        position, _ = object_pose(observation, slot)
        held = position[2] > NEAR + float(pose[2])  # in the hand already, since it is in the air
        way = [] if held else pick(observation, slot, wide, lift=CARRIED)
        for waypoint in way:
            self._go(waypoint)
        if float(self._loop.state.position[-1]) < EMPTY:
            return False
        there = pose[:3].double().numpy()
        turn = grasp_yaw(_yaw(first_two_columns(pose[3:])), there)
        over, low = there.copy(), there.copy()
        over[2] = CARRIED
        low[2] = max(there[2], 0.018)
        for waypoint in (
            Waypoint(over, turn, 0.0, 1.0),
            Waypoint(low, turn, 0.0, 1.0),
            Waypoint(low, turn, wide, 1.0),
            Waypoint(over, turn, wide, 1.0),
        ):
            self._go(waypoint)
        return True

    def _go(self, waypoint: Waypoint) -> None:
        here = self._loop.sent.double().numpy()
        pose = top_down(waypoint.position, waypoint.yaw)
        joints = self._kinematics.solve(pose, here[:-1])
        go([self._loop], [[*joints.tolist(), waypoint.opening]], self._clock)
        if abs(float(here[-1]) - waypoint.opening) > EMPTY:
            self._loop.until(self._clock.now() + SETTLED)


def _is_near(seen: SeenObjects, slot: int, pose: Tensor) -> bool:
    """Whether a thing is where it is wanted; turned by half a turn it is the same to a gripper."""
    away = float((seen.position[0, slot] - pose[:3]).norm())
    off = _yaw(seen.rotation[0, slot]) - _yaw(first_two_columns(pose[3:]))
    off = (off + math.pi / 2) % math.pi - math.pi / 2
    return away <= NEAR and abs(off) <= NEARLY


def _yaw(columns: Tensor) -> float:
    """Of a rotation's first two columns ``[6]``, rad."""
    return float(torch.atan2(columns[1], columns[0]))
