"""The cheap family: a point is to stop at a target that is seen somewhere else.

As :mod:`datamodules.bumped_camera`, with the gripper's point alone and no contact
(:mod:`robot.simulation.point`), for experiments that take thousands of lifetimes.
"""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.hidden import Hidden
from datamodules.sources import Source
from datamodules.task import rollouts_alone
from robot.phi import Dimension, PhiSet, PhiSpace, named_set
from robot.schema import Range, TaskSpec
from robot.simulation.point import PointEnv

# How far from the truth the target may be seen, each way, and how near one has to stop, m: so that
# the best search needs about five attempts to find nine in ten.
REACH, NEAR = 0.1, 0.052
HALF = (-REACH / 2, REACH / 2)
CENTER, AROUND = (0.38, 0.0), 0.05  # where it is seen, m

SPACE = PhiSpace(
    (
        Dimension("seen_x", CENTER[0] - AROUND, CENTER[0] + AROUND, unit="m"),
        Dimension("seen_y", CENTER[1] - AROUND, CENTER[1] + AROUND, unit="m"),
        Dimension("error_x", -REACH, REACH, visible=False, unit="m"),
        Dimension("error_y", -REACH, REACH, visible=False, unit="m"),
    )
)
TABLE = Range((0.1, -0.3), (0.6, 0.3))

SPEC = TaskSpec(
    task="reach",
    rate=10.0,
    joints=("x", "y"),
    observation={
        "point": TABLE,
        "target": TABLE,
        "offset": Range.repeat(-0.3, 0.3, 2),
        "last_command": TABLE,
    },
    action=TABLE,
    action_change=Range.repeat(-0.3, 0.3, 2),
    reads=("point", "offset"),
)


class HiddenReach(Hidden):
    """Stop at the target; hidden: how far from the truth it is seen.

    Args:
        phi_set: name of the set of task parameters.
        sources: what to learn from, by name.
        seed: of orders and splits.

    Raises:
        ValueError: for an unknown phi set; names those there are.
    """

    task_name = "hidden_reach"
    phi_space = SPACE
    phi_sets = SPACE.nested(
        [PhiSet("near", (SPACE.box(error_x=HALF, error_y=HALF),)), PhiSet("wide", (SPACE.box(),))]
    )
    max_steps = 16  # two decisions of eight steps

    def __init__(self, phi_set: str, sources: dict[str, Source], seed: int = 0) -> None:
        super().__init__(sources=sources, seed=seed)
        self.phi_set = named_set(self.phi_sets, phi_set, self.task_name)
        self.check_hidden()

    @property
    def spec(self) -> TaskSpec:
        """That of reaching a target where it is seen."""
        return SPEC

    def environment(self, num_envs: int, seed: int = 0, num_threads: int = 0) -> PointEnv:
        """A batch of points."""
        return PointEnv(self, num_envs, self.phi_set, seed)

    def seen(self, phi: Tensor) -> Tensor:
        """Where the target is seen, ``[B, 2]`` m."""
        return self.phi_space.visible(phi)

    def reached(self, point: Tensor, phi: Tensor) -> Tensor:
        """Whether a point is near the true target, bool ``[B]``."""
        truth = self.phi_space.visible(phi) - self.phi_space.hidden(phi)
        return (point - truth).norm(dim=-1) < NEAR

    def as_if(self, observation: TensorDictBase, hypothesis: Tensor) -> TensorDictBase:
        """The target where it would be."""
        step = hypothesis.reshape(len(hypothesis), *[1] * (observation["target"].ndim - 2), 2)
        moved = observation.copy()
        for name in ("target", "offset"):
            moved[name] = observation[name] - step
        return moved

    def chance(self, hypothesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
        """1 where the hypothesis is near enough."""
        near = (hypothesis - truth).norm(dim=-1) < NEAR
        return near.float().expand(torch.broadcast_shapes(near.shape, visible.shape[:-1]))

    def scripted(self, phi: Tensor, hypotheses: Tensor, seed: int) -> Tensor:
        """One who stops exactly where the last hypothesis has it: what came before is forgotten."""
        return self.reached(self.seen(phi) - hypotheses[:, -1], phi)

    def believed(self, episodes: TensorDictBase) -> Tensor:
        """That the target is where the point stopped."""
        return self.seen(episodes["phi"]) - episodes["state"][:, -1]

    def val_dataloader(self) -> Any:
        """Batches to validate on; where no source keeps some apart, lifetimes are all there is."""
        return super().val_dataloader() or rollouts_alone()

    def test_dataloader(self) -> Any:
        """What is tested are lifetimes."""
        return rollouts_alone()

    def predict_dataloader(self) -> Any:
        """Nothing: a callback makes lifetimes."""
        return rollouts_alone()
