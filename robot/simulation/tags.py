"""Scenes with tags in them, to be looked at; physics runs on the scenes without."""

from __future__ import annotations

from functools import lru_cache

import mujoco
import numpy as np

from robot.arm_description import load_arm
from robot.cameras.camera import Lens, Transform
from robot.cameras.guided import GRIPPER_TAG, GRIPPER_TAG_SIZE
from robot.cameras.tabletop import PLATE, TAG_SIZE
from robot.cameras.tags import MODULES, tag_image
from robot.simulation.scene import Scene, build

EYE = "eye"  # the camera that looks
THICKNESS = 0.001  # m
PIXELS = 12  # of a texture, a module


@lru_cache(maxsize=256)
def tagged(scene: Scene, base_from_camera: bytes, lens: Lens) -> mujoco.MjModel:
    """The scene with tag i flat on top of object i, one on the gripper, and a camera.

    Args:
        scene: what stands there.
        base_from_camera: ``[4, 4]`` float64, as bytes.
        lens: of the camera.
    """
    spec = build(scene)
    spec.visual.global_.offwidth = max(lens.width, spec.visual.global_.offwidth)
    spec.visual.global_.offheight = max(lens.height, spec.visual.global_.offheight)
    for i, shape in enumerate(scene.objects):
        body = spec.body(f"object_{i}")
        _add_tag(
            spec,
            body,
            i,
            TAG_SIZE,
            [0, 0, shape.half_extents[2] + PLATE - THICKNESS / 2],
            [1, 0, 0, 0],
        )
    hand = spec.body(f"{load_arm(scene.arm).joints[-1].name}_link")
    place = gripper_from_tag()
    turn = np.zeros(4)
    mujoco.mju_mat2Quat(turn, place[:3, :3].flatten())
    _add_tag(spec, hand, GRIPPER_TAG, GRIPPER_TAG_SIZE, place[:3, 3].tolist(), turn.tolist())
    pose = np.frombuffer(base_from_camera).reshape(4, 4)
    # MuJoCo's cameras look along -z with y up, OpenCV's along z with y down.
    axes = [*pose[:3, 0], *(-pose[:3, 1])]
    fovy = np.degrees(2 * np.arctan(lens.height / 2 / lens.focal))
    spec.worldbody.add_camera(name=EYE, pos=pose[:3, 3], xyaxes=axes, fovy=fovy)
    return spec.compile()


def gripper_from_tag() -> Transform:
    """Where the gripper's tag is on the hand, whose x is along the approach: on its back."""
    place = np.eye(4)
    place[:3, 3] = 0.045, 0.0, 0.026
    return place


def _add_tag(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    number: int,
    size: float,
    position: list[float],
    quaternion: list[float],
) -> None:
    """A plate whose face along z shows a tag, which nothing touches and which weighs nothing."""
    image = tag_image(number, PIXELS)
    name = f"tag_{number}"
    texture = spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=image.shape[1],
        height=image.shape[0],
        nchannel=3,
    )
    texture.data = np.repeat(image[:, :, None], 3, axis=2).tobytes()
    material = spec.add_material(name=name)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    material.specular, material.shininess = 0.0, 0.0
    half = size * (MODULES + 2) / MODULES / 2
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[half, half, THICKNESS / 2],
        pos=position,
        quat=quaternion,
        material=name,
        contype=0,
        conaffinity=0,
        mass=0,
    )
