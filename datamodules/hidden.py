"""Tasks with hidden task parameters: what can only be found out by trying.

A hidden parameter has effects that the observation does not show. What a policy believes of it is
a *hypothesis*: :meth:`Hidden.as_if` turns what is seen into what would be seen if the
hypothesis held, in the terms of a *skill* that knows of no hidden parameters. So one skill makes
every attempt: an oracle's (the hypothesis is the truth), a guess's, a memoryless policy's.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, cast

import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.lifetimes import Lifetimes
from datamodules.sources import SourcedDataModule
from datamodules.tabletop import tabletop_spec
from datamodules.task import TaskDataModule, rollouts_alone
from robot.forward_kinematics import forward_kinematics
from robot.phi import PhiSet, PhiSpace
from robot.policy import Policy, PolicyWrapper
from robot.record import demonstrate
from robot.schema import OBSERVATION, PHI, TaskSpec
from robot.seeds import evaluation_seed
from robot.simulation.environment import SimulatedArmEnv
from robot.teleop.operator import Plan

SIDE_BY_SIDE = 64  # scripted attempts


class Hidden(SourcedDataModule):
    """What all families have in which something is to be found out, on whatever arm."""

    task_name: str
    phi_space: PhiSpace
    phi_sets: dict[str, PhiSet]
    phi_set: PhiSet
    max_steps: int

    @property
    @abstractmethod
    def spec(self) -> TaskSpec:
        """What is seen and done."""

    @abstractmethod
    def environment(self, num_envs: int, seed: int = 0, num_threads: int = 0) -> Any:
        """A batch of arms."""

    @abstractmethod
    def as_if(self, observation: TensorDictBase, hypothesis: Tensor) -> TensorDictBase:
        """What would be seen if a hypothesis held.

        Args:
            observation: fields ``[B, ..., shape]``.
            hypothesis: hidden task parameters ``[B, Q]``.
        """

    @abstractmethod
    def chance(self, hypothesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
        """How likely an attempt succeeds, by a model of the skill that was measured.

        Args:
            hypothesis: what is acted on, ``[..., Q]``.
            truth: what is true, ``[..., Q]``.
            visible: the other task parameters, ``[..., V]``; all three are broadcast.
        """

    @abstractmethod
    def scripted(self, phi: Tensor, hypotheses: Tensor, seed: int) -> Tensor:
        """Which attempts of scripted operators succeed, bool ``[N]``.

        Args:
            phi: where, ``[N, P]``.
            hypotheses: what each acts on in an episode, one after the other, ``[N, K, Q]``.
            seed: of what is random in it.
        """

    @abstractmethod
    def believed(self, episodes: TensorDictBase) -> Tensor:
        """The hypotheses that attempts amounted to: under which each would have been right.

        Args:
            episodes: recorded ones, ``[N]``, as :func:`robot.rollout.rollout` returns them.

        Returns:
            ``[N, Q]``.
        """

    def setup(self, stage: str) -> None:
        """Sets the sources up; lifetimes have to be of this family."""
        super().setup(stage)
        assert self.trainer is not None
        for source in self.sources.values():
            if isinstance(source, Lifetimes):
                horizons: Any = self.trainer.lightning_module.horizons
                source.check(self.task_name, horizons.action)

    def check_hidden(self) -> None:
        """Refuses a family in which nothing is to be found out.

        Raises:
            TypeError: if no dimension is hidden, or one that is hidden is observed.
        """
        space = self.phi_space
        if space.num_visible == len(space):
            raise TypeError(
                f"task {self.task_name!r} has no hidden task parameter: subclass TaskDataModule"
            )
        hidden = {dimension.name for dimension in space.dimensions[space.num_visible :]}
        if seen := [name for name in self.spec.observation if name in {PHI, *hidden}]:
            raise TypeError(
                f"task {self.task_name!r} observes {seen[0]!r}, which is hidden: a policy that "
                "sees it has nothing to find out"
            )

    def guesses(self, n: int, generator: torch.Generator) -> Tensor:
        """Hypotheses ``[n, Q]`` of one who knows nothing but their range."""
        return self.phi_space.hidden(self.phi_set.sample(n, generator))


class HiddenTask(TaskDataModule, Hidden):
    """Base of the families on the simulated arm.

    A subclass sets ``skill``, the task whose policies act here: what is seen and done is the same,
    so that their checkpoints fit. Its ``phi_space`` has hidden dimensions.

    Raises:
        TypeError: if no dimension is hidden, or one that is hidden is observed.
    """

    skill: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check_hidden()

    @property
    def spec(self) -> TaskSpec:
        """That of the skill."""
        return tabletop_spec(self.skill, self.arm, self.rate)

    @abstractmethod
    def skill_plan(self) -> Plan:
        """How a scripted operator exercises the skill."""

    def predict_dataloader(self) -> Any:
        """Nothing: a callback makes lifetimes."""
        return rollouts_alone()

    def plan(self) -> Plan | None:
        """None: one who goes by what is seen would demonstrate what does not work."""
        return None

    def plan_in_turn(self, hypotheses: Tensor) -> Plan:
        """How one acts who tries hypotheses ``[K, Q]`` one after the other, in one episode."""

        def believing(hypothesis: Tensor) -> Plan:
            plan = self.skill_plan()
            return lambda seen: plan(self.as_if(seen[None], hypothesis[None])[0])

        plans = [believing(hypothesis) for hypothesis in hypotheses]
        return lambda seen: [waypoint for plan in plans for waypoint in plan(seen)]

    def went_for(self, episodes: TensorDictBase) -> tuple[Tensor, Tensor]:
        """Where the gripper was lowest, by its own encoders, and where objects were seen before.

        Args:
            episodes: recorded ones, ``[N]``.

        Returns:
            ``[N, 2]`` and ``[N, S, 2]`` m, on the table in the base frame.
        """
        steps = cast("TensorDictBase", episodes["trajectory"])  # [N, T]
        point, _ = forward_kinematics(self.arm, steps[OBSERVATION, "joint_position"])
        length: Tensor = episodes["length"]
        past = torch.arange(point.shape[1]) >= length[:, None]
        lowest = (point[..., 2] + 1e3 * past).argmin(1)
        rows = torch.arange(len(point))
        return point[rows, lowest, :2], steps[OBSERVATION, "object_position"][:, 0, :, :2]

    def scripted(self, phi: Tensor, hypotheses: Tensor, seed: int) -> Tensor:
        """Which of them succeed in simulation."""
        successes: list[bool] = []
        for rows in torch.arange(len(phi)).split(SIDE_BY_SIDE):
            env = SimulatedArmEnv(self, len(rows), self.phi_set, seed)
            plans = [self.plan_in_turn(each) for each in hypotheses[rows]]
            key = evaluation_seed("operator", seed, int(rows[0]))
            episodes = demonstrate(env, plans, key, phi=phi[rows])
            successes += [bool(episode["next", "reward"][-1] > 0) for episode in episodes]
            env.close()
        return torch.tensor(successes)


class AsIf(PolicyWrapper):
    """A skill's policy that acts on a hypothesis, another one in each episode.

    Args:
        skill: what acts.
        task: which says what a hypothesis makes of what is seen.
        hypotheses: of each episode of the rollout, ``[N, Q]``.
    """

    def __init__(self, skill: Policy, task: Hidden, hypotheses: Tensor) -> None:
        super().__init__(skill)
        self._task, self._hypotheses = task, hypotheses

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, J + 1]``."""
        episode: Tensor = observations["episode"][:, -1, 0]
        return self.policy(self._task.as_if(observations, self._hypotheses[episode]), generator)
