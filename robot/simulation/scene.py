"""A scene: an arm on a table with objects, as hashable data, compiled once per content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mujoco

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

    Raises:
        ValueError: if there are more objects than slots.
    """

    objects: tuple[ObjectShape, ...]
    arm: str = "viperx300s"

    def __post_init__(self) -> None:
        if len(self.objects) > MAX_OBJECTS:
            raise ValueError(f"a scene has {len(self.objects)} objects; at most {MAX_OBJECTS} fit")


def build(scene: Scene) -> mujoco.MjSpec:
    """The scene as an editable MjSpec: arm first, then one free body an object."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    # With impratio 1 a held object creeps out of the fingers (FACTS: nothing survives a shake).
    spec.option.impratio = 10
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.visual.headlight.ambient[:] = 0.35
    spec.visual.headlight.diffuse[:] = 0.45

    spec.worldbody.add_light(pos=[0.5, -0.6, 1.6], dir=[-0.1, 0.4, -1], castshadow=False)
    spec.worldbody.add_camera(
        name=CAMERA, pos=[1.05, -0.55, 0.72], xyaxes=[0.5, 0.87, 0, -0.50, 0.29, 0.82], fovy=45
    )
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.8, 0.8, 0.05],
        contype=WORLD,
        conaffinity=WORLD | ARM,
        rgba=[0.72, 0.66, 0.58, 1],
    )
    add_arm(spec, load_arm(scene.arm))
    for i, shape in enumerate(scene.objects):
        add_object(spec, f"object_{i}", shape)
    return spec


@lru_cache(maxsize=4096)
def compile_scene(scene: Scene) -> mujoco.MjModel:
    """The compiled model; equal scenes share one."""
    return build(scene).compile()
