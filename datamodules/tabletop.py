"""What all tabletop tasks of one arm share: the ranges of what is seen and commanded.

Policies normalise by these, never by the span of their demonstrations: one that was cloned at
one point must be able to see and to command the whole table before it can learn to reach it.
"""

from __future__ import annotations

import math

from robot.arm_description import ArmDescription
from robot.schema import GOALS, MAX_OBJECTS, Range, TaskSpec

# Joint positions that top-down work anywhere on the table needs, with a margin, rad.
JOINT_RANGES = {
    "waist": (-1.3, 1.3),
    "shoulder": (-0.7, 1.0),
    "elbow": (-0.7, 1.3),
    "forearm_roll": (-0.5, 0.5),
    "wrist_angle": (0.3, 1.9),
    "wrist_rotate": (-2.9, 2.9),
}
# The part of the table that objects may be on, and how high they are lifted, m.
TABLE_LOW, TABLE_HIGH = (0.1, -0.45, 0.0), (0.6, 0.45, 0.3)
# How far the gripper usually is from an object that matters, m.
OFFSET = 0.3
# How far a chunk may go from the last command: each joint, rad, and the gripper, m.
CHANGES = {
    "waist": 1.0,
    "shoulder": 0.8,
    "elbow": 0.8,
    "forearm_roll": 0.2,
    "wrist_angle": 0.8,
    "wrist_rotate": 1.6,
    "gripper": 0.11,
}
# What policies read: what the gripper sees of the objects, not where on the table that is. A skill
# cloned at one place is then nearly the same numbers at another.
READS = (
    "posture",
    "joint_velocity",
    "gripper_opening",
    "pending_command",
    "object_place",
    "object_offset",
    "object_turn",
    "object_size",
    "object_mask",
    "goal",
)


def tabletop_spec(task: str, arm: ArmDescription, rate: float) -> TaskSpec:
    """The spec of a task on the table: all observation fields, ranges of the whole table."""
    reach = [JOINT_RANGES[j.name] for j in arm.joints]
    joints = Range(tuple(lo for lo, _ in reach), tuple(hi for _, hi in reach))
    command = Range(
        (*joints.low, arm.gripper.range[0]),
        (*joints.high, arm.gripper.range[1]),
    )
    return TaskSpec(
        task=task,
        rate=rate,
        joints=arm.action_names,
        observation={
            "joint_position": joints,
            "joint_velocity": Range.repeat(-math.pi, math.pi, len(arm.joints)),
            "gripper_opening": Range.repeat(*arm.gripper.range, 1),
            "posture": Range(joints.low[1:-1], joints.high[1:-1]),
            "last_command": command,
            "pending_command": command,
            "object_position": Range(TABLE_LOW * MAX_OBJECTS, TABLE_HIGH * MAX_OBJECTS),
            "object_place": Range(TABLE_LOW * MAX_OBJECTS, TABLE_HIGH * MAX_OBJECTS),
            "object_offset": Range.repeat(-OFFSET, OFFSET, 3 * MAX_OBJECTS),
            "object_rotation": Range.repeat(-1.0, 1.0, 6 * MAX_OBJECTS),
            "object_turn": Range.repeat(-1.0, 1.0, 6 * MAX_OBJECTS),
            "object_size": Range.repeat(0.0, 0.1, 3 * MAX_OBJECTS),
            "object_mask": Range.repeat(0.0, 1.0, MAX_OBJECTS),
            "goal": Range(
                (0.0,) * len(GOALS) + (-OFFSET,) * 3, (1.0,) * len(GOALS) + (OFFSET,) * 3
            ),
        },
        action=command,
        action_change=_symmetric(*(CHANGES[name] for name in arm.action_names)),
        reads=READS,
    )


def _symmetric(*largest: float) -> Range:
    return Range(tuple(-x for x in largest), largest)
