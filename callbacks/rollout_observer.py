"""What RolloutEvaluation shows the callbacks that draw, print or decide on its rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from tensordict import TensorDictBase


@dataclass(frozen=True)
class EvaluatedRollouts:
    """One evaluation: rollouts on every phi set of the task, smallest set first.

    Attributes:
        task: the data module whose task was rolled out.
        episodes: per phi set ``phi`` [n, P], ``success`` [n] and ``length`` [n], of all ranks.
        recordings: per phi set this rank's share of the same, with ``trajectory`` and ``state``.
        prefix: of the success rates in results; a phi set's name, or a shot's, follows.
        measured: what else was, by its whole name in results.
    """

    task: Any
    episodes: dict[str, TensorDictBase]
    recordings: dict[str, TensorDictBase]
    prefix: str = "success"
    measured: Mapping[str, float] = field(default_factory=dict[str, float])


class RolloutObserver(Callback):
    """A callback that is shown each evaluation while the evaluated weights are in place.

    So nothing is rolled out twice, and the order in which callbacks are listed does not matter.
    """

    def on_rollouts(
        self, trainer: Trainer, pl_module: LightningModule, rollouts: EvaluatedRollouts
    ) -> None:
        """Called on every rank after each evaluation by :class:`RolloutEvaluation`."""
