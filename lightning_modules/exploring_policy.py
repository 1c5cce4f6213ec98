"""A learner that explores for episodes, and notes what a policy gradient needs."""

from __future__ import annotations

from typing import Any, cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from typing_extensions import override

from lightning_modules.module_policy import ModulePolicy


class ExploringPolicy(ModulePolicy):
    """A learner as the rollouts see it, which explores and notes what it decided.

    Args:
        module: the learner.
        attempts: N, how many episodes it makes; they are numbered from 0.
    """

    def __init__(self, module: Any, attempts: int) -> None:
        super().__init__(module)
        self._decided = torch.zeros(attempts, dtype=torch.long)  # so far, in each episode
        self._noted: list[TensorDict] = []

    @override
    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, A]``, noted."""
        episode: Tensor = observations["episode"][:, -1, 0].cpu()
        explored = self._module.explore(observations.to(self.device), generator)
        chunk = explored.pop("chunk")
        explored["attempt"] = episode.to(self.device)
        explored["index"] = self._decided[episode].to(self.device)
        self._decided[episode] += 1
        self._noted.append(explored)
        return chunk

    def decisions(self, length: Tensor) -> TensorDict:
        """All that was decided, with the ``attempt`` (which episode) and the ``index`` of each.

        Args:
            length: steps of each episode, long ``[N]``.
        """
        return cast("TensorDict", TensorDict.cat(self._noted))
