"""The one representation that flows through Beachhead: keys, shapes, units, ranges.

Every transition, recorded or rolled out, real or simulated, is a TensorDict with these keys.
Shapes are per step; ``J`` joints, ``S = MAX_OBJECTS`` object slots, ``P`` task parameters.

======================================  =======  ==========================================
key                                     shape    meaning
======================================  =======  ==========================================
``observation / joint_position``        [J]      rad, base to wrist
``observation / joint_velocity``        [J]      rad/s
``observation / gripper_opening``       [1]      m between the finger pads
``observation / posture``               [J - 2]  rad, of the joints between waist and wrist
``observation / last_command``          [J + 1]  the action sent last (rad, m)
``observation / pending_command``       [J + 1]  the same, of waist and wrist how far there is to go
``observation / object_position``       [S, 3]   m, in the arm's base frame
``observation / object_place``          [S, 3]   m, in the heading frame
``observation / object_offset``         [S, 3]   m, from the grasp point, in the heading frame
``observation / object_rotation``       [S, 6]   first two columns of the rotation matrix
``observation / object_turn``           [S, 6]   the same in the gripper's frame, or its half turn
``observation / object_size``           [S, 3]   m, half extents of the bounding box
``observation / object_mask``           [S]      1 where a slot holds an object, else 0
``observation / goal``                  [7]      one-hot over ``GOALS``, then its offset (m) if any
``action``                              [J + 1]  joint targets (rad), gripper opening (m)
``phi``                                 [P]      task parameters of the episode, visible first
``observation_time``                    [1]      s, monotonic, float64
``command_time``                        [1]      s, monotonic, float64
``next / reward``                       [1]      1 at success, else 0
``next / terminated``                   [1]      bool: the task ended (success)
``next / truncated``                    [1]      bool: the time limit, or a simulation that broke
``next / done``                         [1]      bool: either
======================================  =======  ==========================================

The rotation is the continuous 6-D representation of Zhou et al. 2019 (1812.07035), column major.
The heading frame and the gripper's turn with the arm's waist and wrist, see
:mod:`robot.observation`.
A policy may read ``observation`` and nothing else: ``phi`` may hold hidden parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor

MAX_OBJECTS = 4
GOALS = ("lift", "place", "push", "hand_over")

OBSERVATION = "observation"
ACTION = "action"
PHI = "phi"
OBSERVATION_TIME = "observation_time"
COMMAND_TIME = "command_time"
REWARD = ("next", "reward")
TERMINATED = ("next", "terminated")
TRUNCATED = ("next", "truncated")
DONE = ("next", "done")


def observation_shapes(num_joints: int) -> dict[str, tuple[int, ...]]:
    """Fields of a tabletop observation and their shapes."""
    return {
        "joint_position": (num_joints,),
        "joint_velocity": (num_joints,),
        "gripper_opening": (1,),
        "posture": (num_joints - 2,),
        "last_command": (num_joints + 1,),
        "pending_command": (num_joints + 1,),
        "object_position": (MAX_OBJECTS, 3),
        "object_place": (MAX_OBJECTS, 3),
        "object_offset": (MAX_OBJECTS, 3),
        "object_rotation": (MAX_OBJECTS, 6),
        "object_turn": (MAX_OBJECTS, 6),
        "object_size": (MAX_OBJECTS, 3),
        "object_mask": (MAX_OBJECTS,),
        "goal": (len(GOALS) + 3,),
    }


@dataclass(frozen=True)
class Range:
    """What values a quantity can take in a task: bounds per dimension, flattened.

    Raises:
        ValueError: if the bounds differ in length or ``low >= high`` anywhere.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", tuple(float(x) for x in self.low))
        object.__setattr__(self, "high", tuple(float(x) for x in self.high))
        if len(self.low) != len(self.high):
            raise ValueError(f"range has {len(self.low)} lower and {len(self.high)} upper bounds")
        for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if not low < high:
                raise ValueError(f"range dimension {i}: low {low} is not below high {high}")

    def __len__(self) -> int:
        return len(self.low)

    @classmethod
    def repeat(cls, low: float, high: float, n: int) -> Range:
        """The same bounds for ``n`` dimensions."""
        return cls((low,) * n, (high,) * n)


@dataclass(frozen=True)
class TaskSpec:
    """What a policy must know of a task to be built, checked and run; saved in checkpoints.

    Attributes:
        task: name of the task.
        rate: policy rate, Hz.
        joints: names of the action's dimensions, base to gripper.
        observation: range of each observation field that is recorded; a field's length is that
            of its range.
        action: range of the action's dimensions.
        action_change: range of a command's distance from the last command within a chunk. Where
            it is given, policies predict chunks relative to ``last_command``, which is then an
            observation field: they follow what they see of a motion instead of recalling absolute
            positions, and generalise from fewer demonstrations.
        reads: observation fields that policies read, in the order in which they are concatenated.
            All of them, in their order, if None.

    Raises:
        ValueError: if lengths contradict each other, or ``last_command`` is needed and missing.
    """

    task: str
    rate: float
    joints: tuple[str, ...]
    observation: Mapping[str, Range]
    action: Range
    action_change: Range | None = None
    reads: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if unknown := [name for name in self.reads or () if name not in self.observation]:
            raise ValueError(
                f"policies of task {self.task!r} cannot read {unknown[0]!r}; "
                f"there are {', '.join(self.observation)}"
            )
        if len(self.joints) != len(self.action):
            raise ValueError(
                f"task {self.task!r} names {len(self.joints)} joints for an action of "
                f"{len(self.action)} dimensions"
            )
        if self.action_change is None:
            return
        last_command = self.observation.get("last_command", ())
        if not len(self.action_change) == len(last_command) == len(self.action):
            raise ValueError(
                f"task {self.task!r} has a change of command of {len(self.action_change)} and a "
                f"last command of {len(last_command)} dimensions, its action has {len(self.action)}"
            )

    @property
    def read_ranges(self) -> dict[str, Range]:
        """Range of each observation field that policies read, in their order."""
        names = self.observation if self.reads is None else self.reads
        return {name: self.observation[name] for name in names}

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """Observation fields that a policy needs: what it reads, and what chunks start from."""
        start = () if self.action_change is None else ("last_command",)
        return tuple(dict.fromkeys((*self.read_ranges, *start)))

    @property
    def observation_dim(self) -> int:
        """Length of one flattened observation."""
        return sum(len(r) for r in self.read_ranges.values())

    @property
    def action_dim(self) -> int:
        """Length of one action."""
        return len(self.action)

    def flatten(self, observation: TensorDictBase) -> Tensor:
        """Concatenates the observation fields this task's policies read.

        Args:
            observation: fields of shape ``[*batch, ...]``.

        Returns:
            Float tensor ``[*batch, observation_dim]``.

        Raises:
            ValueError: if a field is missing or has another length.
        """
        batch = observation.batch_size
        parts: list[Tensor] = []
        for name, bounds in self.read_ranges.items():
            value = observation.get(name, None)
            if value is None:
                raise ValueError(
                    f"task {self.task!r} needs observation field {name!r}; "
                    f"there are {sorted(str(k) for k in observation.keys())}"  # noqa: SIM118
                )
            flat = value.reshape(*batch, -1)
            if flat.shape[-1] != len(bounds):
                raise ValueError(
                    f"observation field {name!r} has {flat.shape[-1]} dimensions, "
                    f"task {self.task!r} expects {len(bounds)}"
                )
            parts.append(flat.to(torch.float32))
        return torch.cat(parts, dim=-1)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, for checkpoints and metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskSpec:
        """Inverse of :meth:`to_dict`, also after a trip through JSON."""
        return cls(
            task=data["task"],
            rate=float(data["rate"]),
            joints=tuple(data["joints"]),
            observation={k: Range(**v) for k, v in data["observation"].items()},
            action=Range(**data["action"]),
            action_change=Range(**change) if (change := data.get("action_change")) else None,
            reads=tuple(reads) if (reads := data.get("reads")) else None,
        )
