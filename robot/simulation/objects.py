"""Things on the table, as MuJoCo bodies made of primitives.

An ``ObjectShape`` is plain, hashable data; ``add_object`` turns it into a free body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import mujoco
import numpy as np

from robot.simulation.arm_model import ARM, WORLD

# Resistance to twisting (m) and rolling (m) in the fingers.
TORSION, ROLLING = 0.02, 0.001


@dataclass(frozen=True)
class ObjectShape:
    """A rigid object.

    Attributes:
        kind: one of ``KINDS``.
        half_extents: half the bounding box, m; also what the observation shows as its size.
        mass: kg.
        friction: sliding friction coefficient, on finger pads and table alike.
        rgba: colour.

    Raises:
        ValueError: for an unknown kind; names those there are.
    """

    kind: str
    half_extents: tuple[float, float, float]
    mass: float
    friction: float = 1.0
    rgba: tuple[float, float, float, float] = (0.9, 0.8, 0.2, 1.0)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown object {self.kind!r}; there are {', '.join(sorted(KINDS))}")

    @property
    def rest_height(self) -> float:
        """Height of the body's origin above the table when the object stands on it, m."""
        return self.half_extents[2]


Geom = dict[str, object]


def _banana(shape: ObjectShape) -> list[Geom]:
    """Three capsules along a shallow arc: the middle one lies on x, the ends bend towards +y."""
    length, width, radius = shape.half_extents
    tip = length - radius
    joint, bend = 0.38 * tip, 2 * (width - radius)
    points = [(-tip, bend), (-joint, 0), (joint, 0), (tip, bend)]
    return [
        {
            "type": mujoco.mjtGeom.mjGEOM_CAPSULE,
            "fromto": [*a, 0, *b, 0],
            "size": [radius, 0, 0],
        }
        for a, b in pairwise(points)
    ]


def _box(shape: ObjectShape) -> list[Geom]:
    return [{"type": mujoco.mjtGeom.mjGEOM_BOX, "size": list(shape.half_extents)}]


def _cylinder(shape: ObjectShape) -> list[Geom]:
    radius, _, half_height = shape.half_extents
    return [{"type": mujoco.mjtGeom.mjGEOM_CYLINDER, "size": [radius, half_height, 0]}]


def _ball(shape: ObjectShape) -> list[Geom]:
    return [{"type": mujoco.mjtGeom.mjGEOM_SPHERE, "size": [shape.half_extents[0], 0, 0]}]


def _bowl(shape: ObjectShape) -> list[Geom]:
    """A flat bottom and a ring of eight leaning walls."""
    radius, _, half_height = shape.half_extents
    # Walls that nothing is pushed through, between two physics steps, by an arm that flails.
    wall, lean, sides = 0.012, 0.5, 8
    bottom_radius = radius - 2 * half_height * np.tan(lean)
    geoms: list[Geom] = [
        {
            "type": mujoco.mjtGeom.mjGEOM_CYLINDER,
            "pos": [0, 0, -half_height + wall / 2],
            "size": [bottom_radius, wall / 2, 0],
        }
    ]
    middle = (radius + bottom_radius) / 2
    for angle in np.arange(sides) * 2 * np.pi / sides:
        turn, tilt = np.zeros(4), np.zeros(4)
        mujoco.mju_axisAngle2Quat(turn, np.array([0.0, 0.0, 1.0]), angle)
        mujoco.mju_axisAngle2Quat(tilt, np.array([0.0, 1.0, 0.0]), lean)
        quat = np.zeros(4)
        mujoco.mju_mulQuat(quat, turn, tilt)
        geoms.append(
            {
                "type": mujoco.mjtGeom.mjGEOM_BOX,
                "pos": [middle * np.cos(angle), middle * np.sin(angle), 0],
                "quat": quat.tolist(),
                "size": [wall / 2, middle * np.tan(np.pi / sides), half_height / np.cos(lean)],
            }
        )
    return geoms


def _mug(shape: ObjectShape) -> list[Geom]:
    """An upright cylinder with a handle towards +x; closed, since nothing is put into it."""
    reach, radius, half_height = shape.half_extents
    body = reach - radius  # how far the axis is from the middle of the bounding box
    bar = 0.006
    geoms: list[Geom] = [
        {
            "type": mujoco.mjtGeom.mjGEOM_CYLINDER,
            "pos": [-body, 0, 0],
            "size": [radius, half_height, 0],
            "mass": 0.85 * shape.mass,
        }
    ]
    top = 0.6 * half_height
    corners = [(radius - body, top), (reach - bar, top), (reach - bar, -top), (radius - body, -top)]
    for (x, z), (next_x, next_z) in pairwise(corners):
        geoms.append(
            {
                "type": mujoco.mjtGeom.mjGEOM_CAPSULE,
                "fromto": [x, 0, z, next_x, 0, next_z],
                "size": [bar, 0, 0],
                "mass": 0.05 * shape.mass,
            }
        )
    return geoms


KINDS: dict[str, Callable[[ObjectShape], list[Geom]]] = {
    "banana": _banana,
    "box": _box,
    "cylinder": _cylinder,
    "ball": _ball,
    "bowl": _bowl,
    "mug": _mug,
}

BANANA = ObjectShape("banana", (0.075, 0.0235, 0.0165), mass=0.12)
BOWL = ObjectShape("bowl", (0.085, 0.085, 0.025), mass=0.4, rgba=(0.30, 0.45, 0.75, 1.0))


def add_object(spec: mujoco.MjSpec, name: str, shape: ObjectShape) -> None:
    """Adds the object as a free body; its mass is spread evenly where geoms do not say."""
    body = spec.worldbody.add_body(name=name, pos=[0, 0, shape.rest_height])
    body.add_freejoint(name=name)
    geoms = [
        body.add_geom(
            contype=WORLD,
            conaffinity=WORLD | ARM,
            condim=4,
            friction=[shape.friction, TORSION, ROLLING],
            # The object's surface, not the maximum of both, decides: a slippery one slips.
            priority=1,
            solref=[0.01, 1],
            rgba=shape.rgba,
            **attributes,
        )
        for attributes in KINDS[shape.kind](shape)
    ]
    for geom in geoms:
        if np.isnan(geom.mass):
            geom.mass = shape.mass / len(geoms)
