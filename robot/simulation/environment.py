"""A batch of simulated arms as one TorchRL environment.

Physics runs on MuJoCo's native thread pool (``mujoco.Batch``: the pool behind
``mujoco.rollout``, which also keeps the solver's warm start, so that a batch equals a loop of
``mj_step`` bit for bit). Scenes of one batch may hold different models: environments whose
models share a layout share a pool, and a step runs one call a layout.
"""

from __future__ import annotations

import os
from typing import Any

import mujoco
import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.arm_description import load_arm
from robot.batch_env import BatchEnv
from robot.forward_kinematics import forward_kinematics
from robot.observation import SeenObjects, observe
from robot.phi import PhiSet
from robot.safety import clip_command
from robot.schema import (
    ACTION,
    COMMAND_TIME,
    GOALS,
    MAX_OBJECTS,
    OBSERVATION,
    OBSERVATION_TIME,
    PHI,
    observation_shapes,
)
from robot.simulation.physics import Physics
from robot.simulation.scene import TIMESTEP, compile_scene
from robot.simulation.task import SimulatedTask, WorldState
from robot.simulation.world import world_state

# Servos never rest at exactly the same place: joint positions at reset vary by this much, rad.
START_JITTER = 0.01


class SimulatedArmEnv(BatchEnv):
    """``num_envs`` arms, each on its own table, stepped together at the task's rate.

    ``reset(phi=...)`` sets the task parameters (``[num_envs, P]``); without it, and in partial
    resets of ``rollout``, they are drawn from ``phi_set``. ``reset(start=...)`` sets the command
    (``[num_envs, J + 1]``) in whose pose episodes start, which else is home. Rows whose ``_step``
    is False rest.

    Args:
        task: scene, task parameters and success test.
        num_envs: batch size.
        phi_set: where task parameters are drawn from; may be replaced at any time.
        seed: of the draws of phi and of the start pose.
        num_threads: of the physics; 0 takes all cores this process may use.
    """

    def __init__(
        self,
        task: SimulatedTask,
        num_envs: int,
        phi_set: PhiSet,
        seed: int = 0,
        num_threads: int = 0,
    ) -> None:
        arm = load_arm(task.scene(phi_set.sample(1, torch.Generator())[0]).arm)
        shapes, limits = observation_shapes(len(arm.joints)), (arm.action_low, arm.action_high)
        super().__init__(num_envs, task.phi_space, phi_set, shapes, limits, seed)
        self.task, self.arm = task, arm
        self.period = 1.0 / task.spec.rate
        self.substeps = round(self.period / TIMESTEP)
        # Servos ramp to a target over the period: so do the commanded targets here.
        self._ramp = torch.linspace(0, 1, self.substeps + 1)[1:, None]  # [substeps, 1]
        self._physics = Physics(num_envs, num_threads or len(os.sched_getaffinity(0)))
        self._home = torch.tensor(self.arm.home_command)
        self._goal = torch.zeros(num_envs, len(GOALS) + 3)
        self._camera_error = torch.zeros(num_envs, 3)
        self._homing_error = torch.zeros(num_envs, len(self.arm.joints))
        self._lag = torch.zeros(num_envs)
        self._size = torch.zeros(num_envs, MAX_OBJECTS, 3)
        self._mask = torch.zeros(num_envs, MAX_OBJECTS)
        self._command = self._home.repeat(num_envs, 1)
        self._set_point = self._command.clone()  # that servos have come to; lags behind
        self._held = torch.zeros(num_envs, dtype=torch.long)
        self._clock = torch.zeros(num_envs, dtype=torch.float64)
        self._command_clock = torch.zeros(num_envs, dtype=torch.float64)

    @property
    def physics_state(self) -> Tensor:
        """Positions of joints and objects ``[num_envs, NQ]`` float64, for drawing."""
        return self._physics.positions.clone()

    def model(self, index: int) -> mujoco.MjModel:
        """The model that an environment of the batch runs on."""
        return self._physics.model(index)

    def _reset(self, tensordict: TensorDictBase | None, **kwargs: Any) -> TensorDictBase:
        phi: Tensor | None = kwargs.get("phi")
        rows = self._rows(tensordict, "_reset")
        # Drawn for all rows, used for those that reset: a partial reset leaves other draws alone.
        drawn = self.phi_set.sample(self.num_envs, self._generator)
        jitter = START_JITTER * (
            2 * torch.rand(self.num_envs, len(self.arm.joints), generator=self._generator) - 1
        )
        if phi is None:
            phi = drawn
        if phi.shape != self._phi.shape:
            raise ValueError(f"phi has shape {tuple(phi.shape)}, expected {tuple(self._phi.shape)}")
        start: Tensor = kwargs.get("start", self._home.expand(self.num_envs, -1))
        if start.shape != self._command.shape:
            raise ValueError(
                f"start has shape {tuple(start.shape)}, expected {tuple(self._command.shape)}"
            )
        index = rows.nonzero().squeeze(-1)
        if len(index):
            self._begin(
                index, phi[index].to(torch.float32), start[index], (start[:, :-1] + jitter)[index]
            )
        return self._observe(self._world())

    def _begin(self, index: Tensor, phi: Tensor, command: Tensor, joints: Tensor) -> None:
        """Starts new episodes in the rows ``index [n]``, encoders reporting ``joints [n, J]``."""
        self._phi[index] = phi
        self._goal[index] = self.task.goal(phi)
        self._camera_error[index] = self.task.camera_error(phi)
        self._homing_error[index] = error = self.task.homing_error(phi)
        self._lag[index] = self.task.actuator_lag(phi)
        self._size[index], self._mask[index] = 0.0, 0.0
        self._steps[index], self._held[index] = 0, 0
        self._command[index] = self._set_point[index] = command
        self._command_clock[index] = self._clock[index]
        poses = self.task.place(phi)  # [n, N, 7]
        finger = (command[:, -1:] / 2).expand(-1, 2)
        positions = torch.cat(
            [joints - error, finger, poses.reshape(len(index), -1)], dim=-1
        ).double()
        scenes = [self.task.scene(p) for p in phi]
        for row, scene in zip(index.tolist(), scenes, strict=True):
            for slot, shape in enumerate(scene.objects):
                self._size[row, slot] = torch.tensor(shape.half_extents)
                self._mask[row, slot] = 1.0
        models = [compile_scene(scene) for scene in scenes]
        self._physics.begin(index.numpy(), models, positions.numpy())

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        moving = self._rows(tensordict, "_step")
        last = self._command
        action = torch.where(moving[:, None], tensordict[ACTION].to(torch.float32), last)
        command = clip_command(action, last, self.arm, self.period)
        before = self._set_point
        after = torch.lerp(before, command, 1 - self._lag[:, None])
        targets = before[:, None] + self._ramp * (after - before)[:, None]  # [B, substeps, J + 1]
        targets[..., :-1] -= self._homing_error[:, None]
        targets[..., -1] /= 2  # each finger moves half of the opening
        broken = self._physics.advance(moving.numpy(), targets.double().numpy())
        self._command.copy_(command)
        self._set_point = torch.where(moving[:, None], after, before)
        self._command_clock[moving] = self._clock[moving]
        self._steps += moving
        self._clock[moving] += self.period

        world = self._world()
        reached = self.task.success(world, self._phi)
        self._held = torch.where(moving, (self._held + 1) * reached, self._held)
        succeeded = (self._held >= self.task.hold_steps) & moving
        timed_out = (self._steps >= self.task.max_steps) | torch.from_numpy(broken)
        out = self._observe(world)
        out.set("reward", succeeded.float()[:, None])
        out.set("terminated", succeeded[:, None])
        out.set("truncated", (timed_out & ~succeeded & moving)[:, None])
        out.set("done", out["terminated"] | out["truncated"])
        return out

    def _world(self) -> WorldState:
        physics = self._physics
        return world_state(self.arm, physics.positions, physics.velocities, self._mask)

    def _observe(self, world: WorldState) -> TensorDict:
        seen = world.object_position + self._camera_error[:, None] * self._mask[..., None]
        objects = SeenObjects(seen, world.object_rotation, self._size.clone(), self._mask.clone())
        reported = world.joint_position + self._homing_error
        grasp = (world.grasp_point, world.grasp_rotation)
        if self._homing_error.any():
            grasp = forward_kinematics(self.arm, reported)
        observation = observe(
            reported,
            world.joint_velocity,
            world.gripper_opening,
            grasp,
            self._command.clone(),
            objects,
            self._goal.clone(),
        )
        return TensorDict(
            {
                OBSERVATION: observation,
                PHI: self._phi.clone(),
                OBSERVATION_TIME: self._clock.clone()[:, None],
                COMMAND_TIME: self._command_clock.clone()[:, None],
            },
            batch_size=[self.num_envs],
        )

    def get_extra_state(self) -> dict[str, Any]:
        """Everything a later step depends on, as tensors and plain numbers."""
        return {
            "phi": self._phi.clone(),
            "command": self._command.clone(),
            "set_point": self._set_point.clone(),
            "steps": self._steps.clone(),
            "held": self._held.clone(),
            "clock": self._clock.clone(),
            "command_clock": self._command_clock.clone(),
            "generator": self._generator.get_state(),
            "physics": self._physics.state(),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restores what :meth:`get_extra_state` returned: running episodes go on bit for bit."""
        self._begin(
            torch.arange(self.num_envs), state["phi"], state["command"], state["command"][:, :-1]
        )
        self._command.copy_(state["command"])
        self._set_point.copy_(state["set_point"])
        self._steps.copy_(state["steps"])
        self._held.copy_(state["held"])
        self._clock.copy_(state["clock"])
        self._command_clock.copy_(state["command_clock"])
        self._generator.set_state(state["generator"])
        self._physics.restore(state["physics"])
