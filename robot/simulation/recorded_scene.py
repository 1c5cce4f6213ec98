"""A recorded episode as pictures: the scene as it was seen, drawn anew."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from tensordict import TensorDictBase
from torch import Tensor

from robot.episode_info import EpisodeInfo
from robot.schema import OBSERVATION
from robot.simulation.rendering import Image, Renderer
from robot.simulation.task import SimulatedTask


def draw_episode(
    episode: TensorDictBase, info: EpisodeInfo, task: SimulatedTask, width: int, height: int
) -> Image:
    """Draws each step of an episode.

    Args:
        episode: ``[T]``.
        info: whose task parameters say which scene it was.
        task: that it is of.
        width: pixels.
        height: pixels.

    Returns:
        uint8 ``[T, height, width, 3]``.

    Raises:
        ValueError: if the episode's task parameters are not the task's.
        NoOpenGLError: if this machine cannot render offscreen.
    """
    names = task.phi_space.names
    if set(info.phi) != set(names):
        raise ValueError(
            f"the episode has the task parameters {', '.join(info.phi) or 'none'}, "
            f"task {task.spec.task!r} has {', '.join(names)}: its scene is not known"
        )
    phi = torch.tensor([info.phi[name] for name in names])
    with Renderer(width, height) as renderer:
        return renderer.frames(task, phi, recorded_positions(episode))


def recorded_positions(episode: TensorDictBase) -> Tensor:
    """Of joints, fingers and objects as they were seen, ``[T, J + 2 + 7 S]``."""
    seen: TensorDictBase = episode.get(OBSERVATION)
    finger: Tensor = seen.get("gripper_opening") / 2
    there: Tensor = seen.get("object_mask")[0] > 0
    columns: Tensor = seen.get("object_rotation")[:, there].unflatten(-1, (2, 3))
    poses = torch.cat([seen.get("object_position")[:, there], _quaternions(columns)], dim=-1)
    return torch.cat([seen.get("joint_position"), finger, finger, poses.flatten(1)], dim=1)


def _quaternions(columns: Tensor) -> Tensor:
    """Of rotations by their first two columns ``[T, S, 2, 3]``; wxyz."""
    x, y = columns.unbind(-2)
    matrices = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1).double().numpy()
    found = np.empty((*matrices.shape[:2], 4))
    for index in np.ndindex(*matrices.shape[:2]):
        mujoco.mju_mat2Quat(found[index], matrices[index].ravel())
    return torch.from_numpy(found).float()
