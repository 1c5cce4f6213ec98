"""Success of the policy on every named phi set of its task, between epochs."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule, Trainer
from tensordict import TensorDict, TensorDictBase

from callbacks.periodic_evaluation import STAGE_KEY, PeriodicEvaluation, Stage
from callbacks.rollout_observer import EvaluatedRollouts, RolloutObserver
from callbacks.rollout_progress import rollout_progress
from lightning_modules.module_policy import ModulePolicy
from lightning_modules.ranks import of_all, share
from robot.phi import PhiSet
from robot.rollout import completed, rollout
from robot.seeds import evaluation_seed
from robot.success_rate import SuccessRate


class RolloutEvaluation(PeriodicEvaluation):
    """Rolls the policy out on every phi set and logs how often it succeeds.

    Task parameters are the same at every validation, others at test, and neither is ever trained on
    (:mod:`robot.seeds`). Ranks share the episodes.

    Logs ``rollout/success/<phi_set>`` with ``/n``, ``/lo`` and ``/hi`` (Wilson 95 %),
    ``rollout/success/held_out/<name>`` at test, ``rollout/success`` (the phi set the task trains
    on) and ``time/robot_s`` (seconds the arm has moved so far). Then it shows the rollouts to every
    :class:`RolloutObserver`.

    Args:
        every_n_epochs: validations in other epochs roll nothing out, but in the last one.
        episodes: per phi set at validation.
        test_episodes: per phi set at test.
        num_envs: most environments stepped at once.
        seed: of the evaluation, independent of the run's, so that runs are compared on the same
            task parameters.
    """

    def __init__(
        self,
        every_n_epochs: int = 1,
        episodes: int = 32,
        test_episodes: int = 256,
        num_envs: int = 64,
        seed: int = 0,
    ) -> None:
        for name in ("every_n_epochs", "episodes", "test_episodes", "num_envs"):
            if locals()[name] < 1:
                raise ValueError(f"RolloutEvaluation: {name} must be at least 1")
        amount: dict[Stage, int] = {"validation": episodes, "test": test_episodes}
        super().__init__(every_n_epochs, amount, seed)
        self.num_envs = num_envs
        self.robot_s = 0.0
        self._environments: dict[int, Any] = {}

    def state_dict(self) -> dict[str, Any]:
        """The arm's time, which a resumed run goes on counting."""
        return {"robot_s": self.robot_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`."""
        self.robot_s = state_dict["robot_s"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks that there is a scene to roll out in."""
        task = getattr(trainer, "datamodule", None)
        if not hasattr(task, "environment"):
            raise ValueError(
                f"RolloutEvaluation needs a task with a scene and {type(task).__name__} has none: "
                "leave the rollout callbacks out of its config"
            )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Closes the environments."""
        for environment in self._environments.values():
            environment.close()
        self._environments.clear()

    def evaluate(self, trainer: Trainer, module: LightningModule, stage: Stage, n: int) -> None:
        """Rolls out ``n`` episodes on each phi set."""
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        phi_sets: dict[str, PhiSet] = {**task.phi_sets, task.phi_set.name: task.phi_set}
        if stage == "test":
            phi_sets |= {f"held_out/{name}": s for name, s in getattr(task, "held_out", {}).items()}
        observers = [c for c in trainer.callbacks if isinstance(c, RolloutObserver)]  # pyright: ignore[reportAttributeAccessIssue]
        mine, key = share(n, trainer), STAGE_KEY[stage]
        environment = self._environment(task, min(len(mine), self.num_envs))
        policy = ModulePolicy(module)
        episodes: dict[str, TensorDictBase] = {}
        recordings: dict[str, TensorDictBase] = {}
        with rollout_progress(trainer, len(mine) * len(phi_sets)) as advance:
            for name, phi_set in phi_sets.items():
                generator = torch.Generator().manual_seed(evaluation_seed(self.seed, key, name))
                made = rollout(
                    environment,
                    policy,
                    phi_set.sample(n, generator)[mine],
                    seed=evaluation_seed(self.seed, key, name, trainer.global_rank),
                    record=bool(observers),
                    on_batch=advance,
                )
                recordings[name] = completed(made)
                episodes[name] = _all_episodes(module, recordings[name], n)
        self._log(module, task, episodes)
        rollouts = EvaluatedRollouts(task, episodes, recordings)
        for observer in observers:
            observer.on_rollouts(trainer, module, rollouts)

    def _environment(self, task: Any, num_envs: int) -> Any:
        if num_envs not in self._environments:
            self._environments[num_envs] = task.environment(num_envs, evaluation_seed(self.seed))
        return self._environments[num_envs]

    def _log(self, module: LightningModule, task: Any, episodes: dict[str, TensorDictBase]) -> None:
        metrics: dict[str, float] = {}
        for name, results in episodes.items():
            self.robot_s += float(results["length"].sum()) / task.spec.rate
            metrics |= SuccessRate.of(results["success"]).metrics(f"rollout/success/{name}")
        metrics["rollout/success"] = metrics[f"rollout/success/{task.phi_set.name}"]
        metrics["time/robot_s"] = self.robot_s
        module.log_dict(metrics, batch_size=1)


def _all_episodes(module: LightningModule, mine: TensorDictBase, n: int) -> TensorDictBase:
    """The outcome of all ``n`` episodes from every rank's share, in the order of their phi."""
    names = ("phi", "success", "length")
    return TensorDict({name: of_all(module, mine[name], n) for name in names}, batch_size=[n])
