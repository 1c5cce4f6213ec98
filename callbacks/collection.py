"""Collects attempts at the start of each epoch, for a policy that learns from them."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_info
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from callbacks.attempts import Attempts, all_episodes
from callbacks.curriculum.callback import Curriculum
from datamodules.rollouts import Rollouts
from lightning_modules.module_policy import ModulePolicy
from lightning_modules.ranks import gather
from robot.seeds import training_seed


class RolloutCollection(Callback):
    """Rolls out the policy in training, with exploration, and hands the attempts to ``Rollouts``.

    Task parameters come from the :class:`~callbacks.curriculum.Curriculum` among the callbacks or,
    without one, from the task's phi set. Each rank collects its share. What is collected is a
    function of the run's seed, the iteration and the weights: a resumed run collects the same.

    Logs ``collection/success`` (with exploration noise) and, tries of a curriculum included,
    ``collection/episodes`` (so far) and ``time/collected_s`` (seconds the arm has moved for them).

    Args:
        episodes: per iteration, on all ranks together.
        num_envs: arms of an environment, which are stepped together.
        environments: how many run at the same time; what is collected does not depend on it.
        budget: most episodes of the run, a curriculum's tries included. The iteration after which
            no other fits in is the last: it is learnt from and evaluated.

    Raises:
        ValueError: if one of them is below 1.
    """

    def __init__(
        self,
        episodes: int = 256,
        num_envs: int = 128,
        environments: int = 2,
        budget: int | None = None,
    ) -> None:
        if min(episodes, num_envs, environments) < 1 or (budget is not None and budget < 1):
            raise ValueError(
                f"episodes is {episodes}, num_envs {num_envs}, environments {environments} and "
                f"budget {budget}, all must be at least 1"
            )
        if budget is not None and budget < episodes:
            raise ValueError(
                f"budget is {budget}, less than the {episodes} episodes of one iteration"
            )
        self.episodes = episodes
        self.num_envs = num_envs
        self.environments = environments
        self.budget = budget
        self.collected = 0
        self.robot_s = 0.0
        self._seed: int | None = None
        self._attempts: Attempts[ExploringPolicy] = Attempts(num_envs, environments)

    def state_dict(self) -> dict[str, Any]:
        """The counters, and the seed that attempts go by."""
        return {"collected": self.collected, "robot_s": self.robot_s, "seed": self._seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`.

        Raises:
            ValueError: if a run would go on under another seed.
        """
        begun = state_dict.get("seed")  # checkpoints from before it was noted have none
        if None not in (begun, self._seed) and begun != self._seed:
            raise ValueError(
                f"a resumed run keeps its data.seed: the checkpoint's is {begun}, the current one "
                f"is {self._seed}"
            )
        self.collected, self.robot_s = state_dict["collected"], state_dict["robot_s"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks that there is a scene, a source for the attempts and a learner for them."""
        if stage != "fit":
            return
        task: Any = getattr(trainer, "datamodule", None)
        if not hasattr(task, "environment"):
            raise ValueError(
                f"attempts need a task with a scene and {type(task).__name__} has none"
            )
        if not hasattr(pl_module, "explore"):
            raise ValueError(f"{type(pl_module).__name__} does not learn from attempts")
        if not any(isinstance(source, Rollouts) for source in task.sources.values()):
            raise ValueError(
                "RolloutCollection needs datamodules.Rollouts among the task's sources; "
                f"there are {', '.join(task.sources)}"
            )
        self._seed = task.seed
        curriculum = Curriculum.among(trainer)
        trials = curriculum.strategy.no_op_trials if curriculum else 0
        if not self._fits(trainer, trials):
            raise ValueError(
                f"{trials} trials of doing nothing and the {self.episodes} episodes of one "
                f"iteration are more than the budget of {self.budget}"
            )
        for source in task.sources.values():
            if isinstance(source, Rollouts) and source.minibatches > self._share(trainer):
                raise ValueError(
                    f"{self._share(trainer)} episodes on each process may be as few samples, too "
                    f"few for {source.minibatches} minibatches: collect more, or make fewer parts"
                )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that is resumed and has spent its budget already ends here."""
        used = self._used(Curriculum.among(trainer))
        if not self._fits(trainer, used):
            rank_zero_info(
                f"no iteration of {self._share(trainer) * trainer.world_size} episodes fits in: "
                f"{used} of the budget's "
                f"{self.budget} are spent"
            )
            trainer.fit_loop.max_epochs = trainer.current_epoch

    def _share(self, trainer: Trainer) -> int:
        """Episodes of each rank; rounded up, so that all have as many."""
        return -(-self.episodes // trainer.world_size)

    def _fits(self, trainer: Trainer, used: int) -> bool:
        """Whether there is room for one more iteration."""
        more = self._share(trainer) * trainer.world_size
        return self.budget is None or used + more <= self.budget

    def _used(self, curriculum: Curriculum | None) -> int:
        return self.collected + (curriculum.tried if curriculum else 0)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Closes the environments."""
        self._attempts.close()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Collects with the weights in training, never with averaged ones."""
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        module: Any = pl_module
        source = next(s for s in task.sources.values() if isinstance(s, Rollouts))
        place = ("collection", task.seed, trainer.current_epoch, trainer.global_rank)
        generator = torch.Generator().manual_seed(training_seed(*place))
        curriculum = Curriculum.among(trainer)
        phi_set = curriculum.strategy if curriculum else task.phi_set
        phi = phi_set.sample(self._share(trainer), generator)
        groups = self._attempts(task, lambda: ExploringPolicy(module), phi, place)
        episodes = all_episodes(groups)
        source.replace(module.samples(all_decisions(groups), episodes), trainer.current_epoch)
        self._count(trainer, module, task, episodes, curriculum)

    def _count(
        self,
        trainer: Trainer,
        module: LightningModule,
        task: Any,
        episodes: TensorDictBase,
        curriculum: Curriculum | None,
    ) -> None:
        everyone: dict[str, Tensor] = {
            name: gather(module, episodes[name]).flatten(0, 1)
            for name in ("phi", "success", "length")
        }
        self.collected += len(everyone["success"])
        self.robot_s += float(everyone["length"].sum()) / task.spec.rate
        robot_s = self.robot_s
        if curriculum:
            left = math.inf if self.budget is None else self.budget - self._used(curriculum)
            curriculum.advance(trainer, module, everyone["phi"], everyone["success"], left)
            robot_s += curriculum.robot_s
        used = self._used(curriculum)
        if not self._fits(trainer, used):
            # Not should_stop, which would end the epoch before anything is learnt in it.
            trainer.fit_loop.max_epochs = trainer.current_epoch + 1
        module.log_dict(
            {
                "collection/success": everyone["success"].float().mean(),
                "collection/episodes": float(used),
                "time/collected_s": robot_s,
            },
            batch_size=1,
        )


class ExploringPolicy(ModulePolicy):
    """A learner as the rollouts see it, which explores and notes what it decided."""

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self._noted: list[TensorDict] = []

    def __call__(
        self, observations: TensorDictBase, generator: torch.Generator | None = None
    ) -> Tensor:
        """Observations ``[B, To]`` -> action chunk ``[B, Ta, A]``, noted."""
        explored = self._module.explore(observations.to(self.device), generator)
        chunk = explored.pop("chunk")
        self._noted.append(explored)
        return chunk

    def decisions(self, length: Tensor) -> TensorDict:
        """All that was decided, with the ``episode`` and the ``index`` of each.

        The rollout asks once every Ta steps, about the episodes that go on.

        Args:
            length: steps of each episode, long ``[N]``; they ran side by side.
        """
        count = -(-length // self.action_horizon)  # decisions of each episode
        for index, part in enumerate(self._noted):
            part["episode"] = (count > index).nonzero().squeeze(-1).to(self.device)
            part["index"] = torch.full_like(part["episode"], index)
        return cast("TensorDict", TensorDict.cat(self._noted))


def all_decisions(groups: list[tuple[ExploringPolicy, TensorDict]]) -> TensorDict:
    """The decisions of all groups, ``[D]``; ``episode`` counts through them."""
    parts: list[TensorDict] = []
    first = 0
    for policy, episodes in groups:
        part = policy.decisions(episodes["length"])
        part["episode"] += first
        first += len(episodes)
        parts.append(part)
    return cast("TensorDict", TensorDict.cat(parts))
