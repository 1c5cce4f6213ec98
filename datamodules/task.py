"""What a task is: a DataModule that names a scene, task parameters, success and an operator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from tensordict import TensorDict
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.demonstrations import Demonstrations
from datamodules.sources import Source, SourcedDataModule
from datamodules.tabletop import tabletop_spec
from robot.arm_description import ArmDescription, load_arm
from robot.arm_env import ArmEnv
from robot.phi import PhiSet, PhiSpace, named_set
from robot.record import record
from robot.schema import GOALS, TaskSpec
from robot.simulation.environment import SimulatedArmEnv
from robot.simulation.scene import Scene
from robot.simulation.task import WorldState
from robot.stations import Stations
from robot.teleop.operator import Plan


class TaskDataModule(SourcedDataModule):
    """A task on the table. A subclass is one file; it works with every stage and callback.

    A subclass sets ``task_name``, ``phi_space``, ``phi_sets``, ``max_steps`` and, if it is not to
    lift, ``goal_name`` (one of ``robot.schema.GOALS``); sets that are in none of those, by the name
    of what they leave out, may be ``held_out`` for the test. An episode succeeds when the goal has
    been reached for ``hold_steps`` steps in a row. It defines
    :meth:`scene`, :meth:`place`, :meth:`success` and, where demonstrations can be scripted,
    :meth:`plan`.

    Args:
        phi_set: name of the set of task parameters that episodes are recorded and trained on.
        sources: what to learn from, by name.
        seed: of recording, the split and the order of the data.
        stations: arms that rollouts are made on; simulated ones if None.

    Raises:
        TypeError: if the class leaves one of them out.
        ValueError: for an unknown phi set; names those there are.
    """

    task_name: str
    phi_space: PhiSpace
    phi_sets: dict[str, PhiSet]
    held_out: Mapping[str, PhiSet] = MappingProxyType({})
    max_steps: int
    hold_steps: int = 3
    goal_name: str = "lift"
    rate: float = 10.0
    arm_name: str = "viperx300s"

    def __init__(
        self,
        phi_set: str,
        sources: dict[str, Source],
        seed: int = 0,
        stations: Stations | None = None,
    ) -> None:
        super().__init__(sources=sources, seed=seed)
        self.stations = stations
        for name in ("task_name", "phi_space", "phi_sets", "max_steps"):
            if not hasattr(self, name):
                raise TypeError(f"task {type(self).__name__} must set {name}")
        self.phi_set = named_set(self.phi_sets, phi_set, self.task_name)

    @property
    def arm(self) -> ArmDescription:
        """The arm the task is for."""
        return load_arm(self.arm_name)

    @property
    def spec(self) -> TaskSpec:
        """What a policy must know of the task."""
        return tabletop_spec(self.task_name, self.arm, self.rate)

    @abstractmethod
    def scene(self, phi: Tensor) -> Scene:
        """What stands on the table for one ``phi [P]``."""

    @abstractmethod
    def place(self, phi: Tensor) -> Tensor:
        """Where the scene's N objects start: ``[B, N, 7]`` position (m) and quaternion (wxyz)."""

    @abstractmethod
    def success(self, world: WorldState, phi: Tensor) -> Tensor:
        """Whether the goal is reached at this instant, bool ``[B]``."""

    def goal_position(self, phi: Tensor) -> Tensor:
        """Where the goal is, ``[B, 3]`` m; zero for a goal that has no place."""
        return torch.zeros(len(phi), 3)

    def goal(self, phi: Tensor) -> Tensor:
        """The goal as observed, ``[B, 7]``: one-hot over ``GOALS``, then its position."""
        kind = torch.zeros(len(phi), len(GOALS))
        kind[:, GOALS.index(self.goal_name)] = 1.0
        return torch.cat([kind, self.goal_position(phi)], dim=-1)

    def camera_error(self, phi: Tensor) -> Tensor:
        """How far from the truth the camera system reports objects, ``[B, 3]`` m; it is right."""
        return torch.zeros(len(phi), 3)

    def homing_error(self, phi: Tensor) -> Tensor:
        """By how much encoders report more than is true, ``[B, J]`` rad; they are right."""
        return torch.zeros(len(phi), len(self.arm.joints))

    def actuator_lag(self, phi: Tensor) -> Tensor:
        """Share of a command's way that servos are still behind after its period, ``[B]``; none."""
        return torch.zeros(len(phi))

    def plan(self) -> Plan | None:
        """How a scripted operator solves the task; None where only a person can."""
        return None

    def environment(
        self, num_envs: int, seed: int = 0, num_threads: int = 0
    ) -> SimulatedArmEnv | ArmEnv:
        """A batch of arms on this task; phi is drawn from the current phi set.

        Args:
            num_envs: simulated arms of the batch; of driven ones there are as many as there are.
            seed: of the draws.
            num_threads: of the simulation; 0 takes all cores.
        """
        if self.stations is not None:
            return self.stations.environment(self, self.phi_set, seed)
        return SimulatedArmEnv(self, num_envs, self.phi_set, seed, num_threads)

    def prepare_data(self) -> None:
        """Records demonstrations where a training finds none and the task has a script for them.

        Raises:
            FileNotFoundError: if there are none and this is no training, or there is no script.
            ValueError: if what would be recorded does not fit the learner.
        """
        stage = self.trainer.state.fn if self.trainer else None
        if stage == TrainerFn.TESTING:
            return
        for source in self.sources.values():
            if not isinstance(source, Demonstrations):
                continue
            if source.exists():
                self._tell_where_from(source)
                continue
            plan = self.plan()
            if stage != TrainerFn.FITTING:
                raise FileNotFoundError(f"no demonstrations at {source.path}: 'fit' records them")
            if plan is None:
                raise FileNotFoundError(
                    f"no demonstrations at {source.path}, and {type(self).__name__} has no plan() "
                    "by which a script could record them"
                )
            self._check_before_recording(source)
            rank_zero_info(
                f"{source.count()} of {source.num_episodes} demonstrations at {source.path}: a "
                f"scripted operator records the rest on phi set {self.phi_set.name!r}"
            )
            count, style = source.num_episodes, source.style
            record(self, plan, self.phi_set, source.path, count, self.seed, style)

    def _tell_where_from(self, source: Demonstrations) -> None:
        """Says so where a script recorded them on another phi set than the task's."""
        recorded = source.provenance().get("phi_set", self.phi_set.name)
        if recorded != self.phi_set.name:
            rank_zero_warn(
                f"the demonstrations at {source.path} were recorded on phi set {recorded!r}, "
                f"the task's is {self.phi_set.name!r}"
            )

    def _check_before_recording(self, source: Demonstrations) -> None:
        learner: Any = self.trainer.lightning_module if self.trainer else None
        if learner:
            learner.check_sources(self.sources)
        horizon = learner.horizons.prediction if learner else 0
        if horizon > self.max_steps:
            raise ValueError(
                f"the prediction horizon {horizon} is longer than the {self.max_steps} steps of an "
                f"episode of {self.task_name!r}"
            )
        if not isinstance(source.validation, list):
            held_out = round(source.validation * source.num_episodes)
            if held_out == source.num_episodes:
                raise ValueError(f"validation leaves none of the {held_out} episodes to train on")
            return
        ids = source.validation
        if wrong := [i for i in ids if not 0 <= i < source.num_episodes]:
            raise ValueError(
                f"validation episode {wrong[0]} is not among the {source.num_episodes} that "
                f"would be recorded at {source.path}"
            )
        if len(set(ids)) == source.num_episodes:
            raise ValueError(f"validation leaves none of the {len(ids)} episodes to train on")

    def setup(self, stage: str) -> None:
        """Sets the sources up; a test rolls out and needs none."""
        if stage != "test":
            super().setup(stage)

    def teardown(self, stage: str) -> None:
        """Sends driven arms to their rest."""
        super().teardown(stage)
        if self.stations is not None:
            self.stations.close()

    def val_dataloader(self) -> Any:
        """Batches to validate on; where no source keeps some apart, rollouts are all there is."""
        return super().val_dataloader() or rollouts_alone()

    def test_dataloader(self) -> Any:
        """What is tested are rollouts."""
        return rollouts_alone()


def rollouts_alone() -> Any:
    """One empty batch: Lightning neither validates nor tests, nor calls a callback, without one."""
    return DataLoader([TensorDict({}, batch_size=[0])], batch_size=None)  # type: ignore[arg-type]


def polar_pose(radius: Tensor, bearing: Tensor, yaw: Tensor, height: float) -> Tensor:
    """Poses on the table ``[B, 7]`` from distance and direction (m, rad) of the arm's base."""
    zero = torch.zeros_like(yaw)
    return torch.stack(
        [
            radius * torch.cos(bearing),
            radius * torch.sin(bearing),
            torch.full_like(yaw, height),
            torch.cos(yaw / 2),
            zero,
            zero,
            torch.sin(yaw / 2),
        ],
        dim=-1,
    )
