"""An arm as MuJoCo bodies: the description's kinematics, primitive shapes, servo-like actuators.

Joints, then two coupled fingers, come first in ``qpos``; actuators are in action order.
"""

from __future__ import annotations

import mujoco
import numpy as np

from robot.arm_description import ArmDescription

GRASP_SITE = "grasp_point"
# A joint's drag on the arm, reflected rotor inertia and friction of its gears.
ARMATURE, DAMPING = 0.1, 1.0
# Collision groups: the arm meets objects and the table, never itself (``robot.safety`` does).
ARM, WORLD = 1, 2
DARK, LIGHT, PAD = (0.13, 0.13, 0.15, 1.0), (0.32, 0.33, 0.36, 1.0), (0.05, 0.05, 0.05, 1.0)
FINGER_LENGTH, FINGER_THICKNESS, FINGER_WIDTH = 0.06, 0.008, 0.022
# Mass of each link in kg, base to wrist, as published for a ViperX-class arm.
LINK_MASS = (0.8, 0.9, 0.4, 0.32, 0.15, 0.35)


def _arm_geom(body: mujoco.MjsBody, **attributes: object) -> None:
    body.add_geom(contype=ARM, conaffinity=WORLD, **attributes)


def _add_link(body: mujoco.MjsBody, end: np.ndarray, radius: float, mass: float) -> None:
    """A capsule from the body's frame to ``end`` (m), with a hub that shows the joint."""
    _arm_geom(
        body,
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[0, 0, 0, *end],
        size=[radius, 0, 0],
        mass=mass,
        rgba=DARK,
    )
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[radius * 1.25, 0, 0],
        contype=0,
        conaffinity=0,
        mass=0,
        rgba=LIGHT,
    )


def _add_finger(hand: mujoco.MjsBody, arm: ArmDescription, side: int) -> str:
    """A finger that slides along y; joint position = half the gripper's opening (m)."""
    name = f"{'left' if side > 0 else 'right'}_finger"
    low, high = arm.gripper.range
    root = arm.grasp_point - FINGER_LENGTH + 0.012
    finger = hand.add_body(name=name, pos=[root, side * FINGER_THICKNESS / 2, 0])
    finger.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[0, side, 0],
        range=[low / 2, high / 2],
        limited=True,
        armature=0.25,
        damping=10,
    )
    finger.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[FINGER_LENGTH / 2, 0, 0],
        size=[FINGER_LENGTH / 2, FINGER_THICKNESS / 2, FINGER_WIDTH / 2],
        contype=ARM,
        conaffinity=WORLD,
        mass=0.03,
        rgba=PAD,
    )
    return name


def _add_gripper(spec: mujoco.MjSpec, wrist: mujoco.MjsBody, arm: ArmDescription) -> str:
    """Palm, two fingers coupled by an equality, and the point between the pads."""
    palm = arm.grasp_point - FINGER_LENGTH
    _arm_geom(
        wrist,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[palm / 2 + 0.005, 0, 0],
        size=[palm / 2, 0.045, 0.024],
        mass=0.35,
        rgba=DARK,
    )
    left, right = (_add_finger(wrist, arm, side) for side in (1, -1))
    spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT,
        name1=right,
        name2=left,
        objtype=mujoco.mjtObj.mjOBJ_JOINT,
        data=[0, 1, *[0] * 10],
        solref=[0.01, 1],
    )
    wrist.add_site(name=GRASP_SITE, pos=[arm.grasp_point, 0, 0], size=[0.004, 0, 0], group=4)
    return left


def _add_position_servo(
    spec: mujoco.MjSpec, joint: str, kp: float, kv: float, bounds: tuple[float, float]
) -> mujoco.MjsActuator:
    actuator = spec.add_actuator(
        name=joint,
        target=joint,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        ctrlrange=list(bounds),
        ctrllimited=True,
    )
    actuator.set_to_position(kp=kp, kv=kv)
    return actuator


def add_arm(spec: mujoco.MjSpec, arm: ArmDescription) -> None:
    """Adds the arm at the world's origin: bodies, joints, fingers and one actuator an action."""
    body = spec.worldbody
    _arm_geom(
        body,
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        pos=[0, 0, 0.035],
        size=[0.06, 0.035, 0],
        rgba=DARK,
    )
    ends = [*(np.array(j.offset) for j in arm.joints[1:]), np.array([0.02, 0.0, 0.0])]
    radii = np.linspace(0.036, 0.024, len(arm.joints))
    for joint, end, radius, mass in zip(arm.joints, ends, radii, LINK_MASS, strict=True):
        body = body.add_body(name=f"{joint.name}_link", pos=joint.offset, gravcomp=1)
        body.add_joint(
            name=joint.name,
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=joint.axis,
            range=joint.range,
            limited=True,
            armature=ARMATURE,
            damping=DAMPING,
        )
        _add_link(body, end, float(radius), mass)
    finger = _add_gripper(spec, body, arm)

    for joint in arm.joints:
        _add_position_servo(spec, joint.name, joint.kp, joint.kv, joint.range)
    low, high = arm.gripper.range
    servo = _add_position_servo(spec, finger, arm.gripper.kp, arm.gripper.kv, (low / 2, high / 2))
    servo.forcerange = [-arm.gripper.force, arm.gripper.force]
    servo.forcelimited = True
