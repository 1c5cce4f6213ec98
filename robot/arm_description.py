"""What an arm is: joints, limits, poses and servo gains, read from ``robot/arms/<name>.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ARMS = Path(__file__).parent / "arms"


@dataclass(frozen=True)
class Joint:
    """A revolute joint: its frame in the parent's (m), axis, range (rad) and servo gains."""

    name: str
    offset: tuple[float, float, float]
    axis: tuple[float, float, float]
    range: tuple[float, float]
    kp: float
    kv: float


@dataclass(frozen=True)
class Gripper:
    """Two coupled fingers; ``range`` is the distance between the pads, m; ``force`` in N."""

    name: str
    range: tuple[float, float]
    kp: float
    kv: float
    force: float


@dataclass(frozen=True)
class ArmDescription:
    """An arm, base to gripper.

    Attributes:
        name: the file's name.
        joints: base to wrist.
        gripper: the parallel gripper.
        grasp_point: m from the last joint's frame to the point between the pads, along x.
        velocity_limit: fastest commanded speed per action dimension, rad/s and m/s.
        home: joint positions in which episodes begin, rad.
        sleep: joint positions in which the arm may lose torque, rad.
    """

    name: str
    joints: tuple[Joint, ...]
    gripper: Gripper
    grasp_point: float
    velocity_limit: tuple[float, ...]
    home: tuple[float, ...]
    sleep: tuple[float, ...]

    @property
    def action_names(self) -> tuple[str, ...]:
        """Names of the action's dimensions: the joints, then the gripper."""
        return (*(j.name for j in self.joints), self.gripper.name)

    @property
    def action_low(self) -> tuple[float, ...]:
        """Smallest command per action dimension, rad and m."""
        return (*(j.range[0] for j in self.joints), self.gripper.range[0])

    @property
    def action_high(self) -> tuple[float, ...]:
        """Largest command per action dimension, rad and m."""
        return (*(j.range[1] for j in self.joints), self.gripper.range[1])

    @property
    def home_command(self) -> tuple[float, ...]:
        """The home pose as a command: joints, gripper open."""
        return (*self.home, self.gripper.range[1])


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


@lru_cache
def load_arm(name: str) -> ArmDescription:
    """Reads an arm's description.

    Raises:
        ValueError: if there is no such arm; names those there are.
    """
    path = ARMS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in ARMS.glob("*.yaml")))
        raise ValueError(f"unknown arm {name!r}; there are {known}")
    data = {k: _tuples(v) for k, v in yaml.safe_load(path.read_text()).items()}
    for section in ("bus", "safety"):  # read by robot.dynamixel.wiring and robot.safety
        data.pop(section, None)
    joints = tuple(Joint(**{k: _tuples(v) for k, v in j.items()}) for j in data.pop("joints"))
    gripper = Gripper(**{k: _tuples(v) for k, v in data.pop("gripper").items()})
    return ArmDescription(joints=joints, gripper=gripper, **data)
