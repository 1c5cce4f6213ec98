"""What a device sends of the hand that holds it: one schema, whatever the device.

A message is one JSON object:

    {"sequence": 17, "time": 12.345, "held": true, "position": [0.0, 0.0, 0.0],
     "rotation": [1.0, 0.0, 0.0, 0.0], "opening": 1.0}

``position`` (m) and ``rotation`` (unit quaternion wxyz) are of the hand in the operator's frame: x
ahead, y to the left, z up, from any origin. ``held`` says whether the clutch is pressed,
``opening`` is the gripper's, from 0 to 1. ``sequence`` goes up; ``time`` is the device's, s.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from robot.inverse_kinematics import Array

LONGEST = 1024  # bytes of a message
FURTHEST = 10.0  # m from the device's origin
FIELDS = ("sequence", "time", "held", "position", "rotation", "opening")


class MessageError(ValueError):
    """A message is none; says what is wrong with it."""


@dataclass(frozen=True)
class HandMessage:
    """Where a hand is, and what it holds on to.

    Attributes:
        sequence: number of the message; goes up.
        time: of the device, s.
        held: whether the clutch is pressed.
        position: ``[3]`` m.
        rotation: unit quaternion ``[4]`` wxyz.
        opening: of the gripper, 0 to 1.
    """

    sequence: int
    time: float
    held: bool
    position: Array
    rotation: Array
    opening: float

    def text(self) -> str:
        """As it is sent."""
        return json.dumps(
            {
                "sequence": self.sequence,
                "time": self.time,
                "held": self.held,
                "position": self.position.tolist(),
                "rotation": self.rotation.tolist(),
                "opening": self.opening,
            }
        )


def read_message(data: Any) -> HandMessage:
    """A message from what was sent, already read as JSON.

    Raises:
        MessageError: if it is none.
    """
    if not isinstance(data, dict):
        raise MessageError(f"a message is an object, this is a {type(data).__name__}")
    missing = [name for name in FIELDS if name not in data]
    if missing:
        raise MessageError(f"the message has no {missing[0]!r}; it needs {', '.join(FIELDS)}")
    if type(data["held"]) is not bool:
        raise MessageError(f"held is {data['held']!r}, must be true or false")
    if type(data["sequence"]) is not int or not 0 <= data["sequence"] < 2**53:
        raise MessageError(f"sequence is {data['sequence']!r}, must be a whole number from 0 on")
    rotation = _numbers(data, "rotation", 4, 1.01)
    norm = float(np.linalg.norm(rotation))
    if abs(norm - 1) > 0.01:
        raise MessageError(f"rotation has the length {norm:.3g}, a unit quaternion has 1")
    opening = _number("opening", data["opening"], 1.0)
    if opening < 0:
        raise MessageError(f"opening is {opening}, must be from 0 to 1")
    return HandMessage(
        data["sequence"],
        _number("time", data["time"], 1e15),
        data["held"],
        _numbers(data, "position", 3, FURTHEST),
        rotation / norm,
        opening,
    )


def _numbers(data: dict[str, Any], name: str, count: int, largest: float) -> Array:
    value = data[name]
    if not isinstance(value, list) or len(value) != count:
        raise MessageError(f"{name} is {value!r:.60}, must be {count} numbers")
    return np.array([_number(name, number, largest) for number in value])


def _number(name: str, value: Any, largest: float) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > largest:
        raise MessageError(f"{name} holds {value!r:.60}, must be a number up to {largest:g}")
    return float(value)
