"""A scene: an arm on a table with objects, as hashable data, compiled once per content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np

from robot.arm_description import load_arm
from robot.schema import MAX_OBJECTS
from robot.simulation.arm_model import ARM, WORLD, add_arm
from robot.simulation.objects import ObjectShape, add_object

TIMESTEP = 0.005
CAMERA = "front"


@dataclass(frozen=True)
class Scene:
    """What stands on the table.

    Attributes:
        objects: at most ``MAX_OBJECTS``, in slot order.
        arm: name of the arm's description.
        table_height: of the table above the arm's base, m.

    Raises:
        ValueError: if there are more objects than slots.
    """

    objects: tuple[ObjectShape, ...]
    arm: str = "viperx300s"
    table_height: float = 0.0

    def __post_init__(self) -> None:
        if len(self.objects) > MAX_OBJECTS:
            raise ValueError(f"a scene has {len(self.objects)} objects; at most {MAX_OBJECTS} fit")


def _look_at(eye: tuple[float, ...], target: tuple[float, ...]) -> list[float]:
    """A camera's x and y axes, upright, for a view from ``eye`` to ``target``."""
    back = np.subtract(eye, target) / np.linalg.norm(np.subtract(eye, target))
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    return [*right, *np.cross(back, right)]


def _add_surroundings(spec: mujoco.MjSpec, table_height: float) -> None:
    """Table, sky, lights and the camera that pictures are taken with."""
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 0
    spec.visual.headlight.ambient[:] = 0.3
    spec.visual.headlight.diffuse[:] = 0.25
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.86, 0.90, 0.95],
        rgb2=[0.55, 0.62, 0.72],
        width=32,
        height=192,
    )
    spec.worldbody.add_light(pos=[0.6, -0.8, 1.6], dir=[-0.2, 0.5, -1], diffuse=[0.6] * 3)
    eye, target = (0.98, -0.62, 0.66), (0.20, 0.0, 0.13)
    spec.worldbody.add_camera(name=CAMERA, pos=eye, xyaxes=_look_at(eye, target), fovy=42)
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        pos=[0, 0, table_height],
        size=[0.8, 0.8, 0.05],
        contype=WORLD,
        conaffinity=WORLD | ARM,
        rgba=[0.76, 0.70, 0.62, 1],
    )


def build(scene: Scene) -> mujoco.MjSpec:
    """The scene as an editable MjSpec: arm first, then one free body an object."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    # With impratio 1 a held object creeps out of the fingers.
    spec.option.impratio = 10
    _add_surroundings(spec, scene.table_height)
    add_arm(spec, load_arm(scene.arm))
    for i, shape in enumerate(scene.objects):
        add_object(spec, f"object_{i}", shape)
    return spec


@lru_cache(maxsize=4096)
def compile_scene(scene: Scene) -> mujoco.MjModel:
    """The compiled model; equal scenes share one."""
    return build(scene).compile()
