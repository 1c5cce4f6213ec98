"""A table that a camera looks at: objects carry tags, and what is seen is all that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from robot.arm import ArmState
from robot.arm_description import ArmDescription
from robot.arm_errors import ArmError
from robot.cameras.camera import Camera, Transform
from robot.cameras.tags import TagDetector, upright
from robot.cameras.tracker import ObjectTracker
from robot.cameras.transforms import inverse, transform
from robot.forward_kinematics import forward_kinematics
from robot.observation import SeenObjects
from robot.schema import MAX_OBJECTS
from robot.simulation.objects import ObjectShape
from robot.simulation.task import SimulatedTask, WorldState

TAG_SIZE = 0.032  # m, side of a tag's black square on an object
PLATE = 0.0015  # m from an object's top to the face of its tag
TRIES = 30  # pictures in which all tags have to have been seen after things were put


class CameraTabletop:
    """See :class:`robot.tabletop.Tabletop`. Tag i lies flat on top of object i, x along its x.

    Args:
        camera: that looks.
        base_from_camera: from calibration.
        task: whose things lie there.
        arm: that is driven.
        put: has things put where task parameters ``[P]`` want them; returns when they are.
    """

    def __init__(
        self,
        camera: Camera,
        base_from_camera: Transform,
        task: SimulatedTask,
        arm: ArmDescription,
        put: Callable[[Tensor], None],
    ) -> None:
        self._camera, self._base_from_camera = camera, base_from_camera
        self._task, self._arm, self._put = task, arm, put
        self._detector = TagDetector(camera.lens, dict.fromkeys(range(MAX_OBJECTS), TAG_SIZE))
        self._shapes: tuple[ObjectShape, ...] = ()
        self._tracker = ObjectTracker({})
        self._stamp: float | None = None
        self._before: dict[int, Transform] = {}
        self._velocity = torch.zeros(1, MAX_OBJECTS, 6)
        self._phi = torch.zeros(1, 0)

    def reset(self, phi: Tensor) -> None:
        """Has them put, and looks until it has seen them all.

        Raises:
            ArmError: if one is not seen.
        """
        self._put(phi)
        self.expect(phi)

    def expect(self, phi: Tensor) -> None:
        """Looks until it has seen them all.

        Raises:
            ArmError: if one is not seen.
        """
        self._phi = phi[None]
        self._shapes = self._task.scene(phi).objects
        self._tracker = ObjectTracker(
            {i: 2 * s.half_extents[1] for i, s in enumerate(self._shapes)}
        )
        self._stamp, self._before = None, {}
        self._velocity.zero_()
        for _ in range(TRIES):
            seen = self._look()
            self._tracker.update(seen, np.eye(4), opening=1.0)
            if len(self._tracker.poses) == len(self._shapes):
                return
        hidden = sorted(set(range(len(self._shapes))) - set(self._tracker.poses))
        raise ArmError(
            f"the camera does not see tag {', '.join(map(str, hidden))}: is it on top of its "
            "object, and is anything in between?"
        )

    def observe(self, state: ArmState) -> None:
        """Looks at the table, while the arm is where it is measured to be."""
        joints = state.position[None, :-1]
        point, rotation = forward_kinematics(self._arm, joints)
        hand = transform(rotation[0].double().numpy(), point[0].double().numpy())
        self._tracker.update(self._look(), hand, float(state.position[-1]))
        now = self._tracker.poses
        if self._stamp is not None and state.stamp > self._stamp:
            for i, pose in now.items():
                moved = (pose - self._before.get(i, pose))[:3, 3] / (state.stamp - self._stamp)
                self._velocity[0, i, :3] = torch.from_numpy(moved)
        self._stamp, self._before = state.stamp, now

    def objects(self) -> SeenObjects:
        """What was seen last, and what is known of what is hidden."""
        position, rotation = torch.zeros(1, MAX_OBJECTS, 3), torch.zeros(1, MAX_OBJECTS, 6)
        size, mask = torch.zeros(1, MAX_OBJECTS, 3), torch.zeros(1, MAX_OBJECTS)
        for i, shape in enumerate(self._shapes):
            size[0, i], mask[0, i] = torch.tensor(shape.half_extents), 1.0
        for i, pose in self._tracker.poses.items():
            position[0, i] = torch.from_numpy(pose[:3, 3])
            rotation[0, i] = torch.from_numpy(pose[:3, :2].T.flatten())
        return SeenObjects(position, rotation, size, mask)

    def success(self, state: ArmState) -> bool:
        """The task's own test, of what is seen and measured."""
        seen = self.objects()
        joints = state.position[None, :-1]
        point, rotation = forward_kinematics(self._arm, joints)
        world = WorldState(
            joint_position=joints,
            joint_velocity=state.velocity[None, :-1],
            gripper_opening=state.position[None, -1:],
            grasp_point=point,
            grasp_rotation=rotation,
            object_position=seen.position,
            object_rotation=seen.rotation,
            object_velocity=self._velocity.clone(),
        )
        return bool(self._task.success(world, self._phi))

    def _look(self) -> Mapping[int, Transform]:
        """``base_from_object`` of all whose tags are in the latest picture."""
        found = self._detector.find(self._camera.latest().image)
        return {
            i: upright(found[i], self._base_from_camera) @ inverse(_object_from_tag(shape))
            for i, shape in enumerate(self._shapes)
            if i in found
        }


def _object_from_tag(shape: ObjectShape) -> Transform:
    out = np.eye(4)
    out[2, 3] = shape.half_extents[2] + PLATE
    return out
