"""Carries the gripper's tag before a camera, and notes where both have it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import mink
import numpy as np
import torch

from robot.arm_session import go
from robot.cameras.camera import Camera, Transform
from robot.cameras.tags import SeenTag, TagDetector
from robot.cameras.transforms import transform
from robot.forward_kinematics import forward_kinematics
from robot.inverse_kinematics import InverseKinematics, Pose
from robot.servo_loop import ServoLoop

GRIPPER_TAG, GRIPPER_TAG_SIZE = 100, 0.04  # its number; m, the side of its black square
STILL = 0.6  # s for which the arm stands before a picture is taken
# Where the grasp point goes, m, and how the gripper is held there, rad.
PLACES = tuple(product((0.28, 0.38), (-0.10, 0.0, 0.10), (0.12, 0.20)))
PITCHES = (0.9, 1.2, 1.5)  # downwards
ROLLS = (-0.4, 0.0, 0.4)


def poses() -> list[Pose]:
    """Where the gripper is carried: its back towards a camera opposite the arm."""
    found: list[Pose] = []
    for i, place in enumerate(PLACES):
        pitch, roll = PITCHES[i % len(PITCHES)], ROLLS[(i // len(PITCHES)) % len(ROLLS)]
        turn = mink.SO3.from_y_radians(pitch) @ mink.SO3.from_x_radians(roll)
        found.append(Pose(np.array(place), np.asarray(turn.wxyz)))
    return found


def carry(
    loop: ServoLoop, camera: Camera, on_pose: Callable[[bool], None] = lambda seen: None
) -> tuple[list[Transform], list[SeenTag]]:
    """Drives the arm through all poses, and looks at each.

    Args:
        loop: that drives it; the arm is at home.
        camera: that looks.
        on_pose: told at each pose whether the tag was seen.

    Returns:
        ``base_from_hand`` and the tag, of the poses at which it was seen.

    Raises:
        ArmError: if the arm does not get there.
    """
    arm, clock = loop.arm.description, loop.clock
    kinematics = InverseKinematics(arm)
    detector = TagDetector(camera.lens, {GRIPPER_TAG: GRIPPER_TAG_SIZE})
    hands: list[Transform] = []
    tags: list[SeenTag] = []
    for pose in poses():
        here = loop.sent.double().numpy()
        joints = kinematics.solve(pose, here[:-1])
        go([loop], [[*joints.tolist(), float(here[-1])]], clock)
        loop.until(clock.now() + STILL)
        seen = detector.find(camera.latest().image).get(GRIPPER_TAG)
        on_pose(seen is not None)
        if seen is None:
            continue
        point, rotation = forward_kinematics(arm, loop.state.position[None, :-1].to(torch.float64))
        hands.append(transform(rotation[0].numpy(), point[0].numpy()))
        tags.append(seen)
    return hands, tags
