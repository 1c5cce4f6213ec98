"""Collects attempts at the start of each epoch, for a policy that learns from them."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_info
from tensordict import TensorDictBase
from torch import Tensor

from callbacks.attempts import Attempts, all_attempts, all_decisions
from callbacks.curriculum.callback import Curriculum
from callbacks.ray_attempts import RayAttempts
from datamodules.rollouts import Rollouts
from lightning_modules.learning_from_attempts import LearningFromAttempts
from lightning_modules.ranks import gather
from robot.seeds import training_seed


class RolloutCollection(Callback):
    """Rolls out the policy in training, with exploration, and hands the attempts to ``Rollouts``.

    Task parameters come from the :class:`~callbacks.curriculum.Curriculum` among the callbacks or,
    without one, from the task's phi set. Each rank collects its share. What is collected is a
    function of the run's seed, the iteration and the weights: a resumed run collects the same.

    An attempt is an episode or, for a learner with ``shots``, a lifetime of so many. A
    ``fast_dev_run`` collects as few as can be learnt from.

    Logs ``collection/success`` (with exploration noise) and, tries of a curriculum included,
    ``collection/attempts`` (so far) and ``time/collected_s`` (seconds the arm has moved for them).

    Args:
        attempts: per iteration, on all ranks together.
        num_envs: arms of an environment, which are stepped together.
        environments: how many run at the same time; what is collected does not depend on it.
        ray: where they run: in threads of this process (None), on workers of a Ray cluster by its
            address (as ``ray.init`` takes it), or of one that is begun on this machine ("local").
        budget: most attempts of the run, a curriculum's tries included. The iteration after which
            no other fits in is the last: it is learnt from and evaluated.

    Raises:
        ValueError: if one of them is below 1.
        ImportError: if there is no Ray where it is asked for.
    """

    def __init__(
        self,
        attempts: int = 256,
        num_envs: int = 128,
        environments: int = 2,
        budget: int | None = None,
        ray: str | None = None,
    ) -> None:
        if min(attempts, num_envs, environments) < 1 or (budget is not None and budget < 1):
            raise ValueError(
                f"attempts is {attempts}, num_envs {num_envs}, environments {environments} and "
                f"budget {budget}, all must be at least 1"
            )
        if budget is not None and budget < attempts:
            raise ValueError(
                f"budget is {budget}, less than the {attempts} attempts of one iteration"
            )
        self.attempts = attempts
        self.num_envs = num_envs
        self.environments = environments
        self.budget = budget
        self.collected = 0
        self.robot_s = 0.0
        self._seed: int | None = None
        self._attempts = Attempts(num_envs, environments)
        if ray is not None:
            address = None if ray == "local" else ray
            self._attempts = RayAttempts(num_envs, environments, address=address)

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
        if not isinstance(pl_module, LearningFromAttempts):
            raise ValueError(f"{type(pl_module).__name__} does not learn from attempts")
        sources = [source for source in task.sources.values() if isinstance(source, Rollouts)]
        if not sources:
            raise ValueError(
                "RolloutCollection needs datamodules.Rollouts among the task's sources; "
                f"there are {', '.join(task.sources)}"
            )
        if trainer.fast_dev_run:  # pyright: ignore[reportAttributeAccessIssue]
            common = pl_module.common_noise
            each = common * -(-sources[0].minibatches // common)
            self.attempts = each * trainer.world_size
        for name, size in (("attempts", self._share(trainer)), ("num_envs", self.num_envs)):
            if size % pl_module.common_noise:
                raise ValueError(
                    f"{name} (on each process) is {size}, no multiple of the "
                    f"{pl_module.common_noise} attempts that share their noise"
                )
        self._seed = task.seed
        self._attempts.shots = pl_module.shots
        curriculum = Curriculum.among(trainer)
        trials = curriculum.strategy.no_op_trials if curriculum else 0
        if not self._fits(trainer, trials):
            raise ValueError(
                f"{trials} trials of doing nothing and the {self.attempts} attempts of one "
                f"iteration are more than the budget of {self.budget}"
            )
        for source in sources:
            if source.minibatches > self._share(trainer):
                raise ValueError(
                    f"{self._share(trainer)} attempts on each process may be as few samples, too "
                    f"few for {source.minibatches} minibatches: collect more, or make fewer parts"
                )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that is resumed and has spent its budget already ends here."""
        used = self._used(Curriculum.among(trainer))
        if not self._fits(trainer, used):
            rank_zero_info(
                f"no iteration of {self._share(trainer) * trainer.world_size} attempts fits in: "
                f"{used} of the budget's "
                f"{self.budget} are spent"
            )
            trainer.fit_loop.max_epochs = trainer.current_epoch

    def _share(self, trainer: Trainer) -> int:
        """Attempts of each rank; rounded up, so that all have as many."""
        return -(-self.attempts // trainer.world_size)

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
        assert isinstance(pl_module, LearningFromAttempts)
        module = pl_module
        source = next(s for s in task.sources.values() if isinstance(s, Rollouts))
        place = ("collection", task.seed, trainer.current_epoch, trainer.global_rank)
        generator = torch.Generator().manual_seed(training_seed(*place))
        curriculum = Curriculum.among(trainer)
        phi_set = curriculum.strategy if curriculum else task.phi_set
        share, common = self._share(trainer), module.common_noise
        if common == 1:
            phi = phi_set.sample(share, generator)
        else:  # what is compared, is compared at the same task parameters
            each = _worlds(task, phi_set, common, module.worlds, generator)
            phi = each.repeat(share // common, 1)
        groups = self._attempts(task, module, True, phi, place)
        attempts = all_attempts(groups)
        source.replace(module.samples(all_decisions(groups), attempts), trainer.current_epoch)
        self._count(trainer, module, task, attempts, curriculum)

    def _count(
        self,
        trainer: Trainer,
        module: LearningFromAttempts,
        task: Any,
        attempts: TensorDictBase,
        curriculum: Curriculum | None,
    ) -> None:
        everyone: dict[str, Tensor] = {
            name: gather(module, attempts[name]).flatten(0, 1) for name in ("success", "length")
        }
        told = module.outcomes(attempts)
        self.collected += len(everyone["success"])
        self.robot_s += float(everyone["length"].sum()) / task.spec.rate
        robot_s = self.robot_s
        if curriculum:
            left = math.inf if self.budget is None else self.budget - self._used(curriculum)
            phi, success = (gather(module, told[name]).flatten(0, 1) for name in ("phi", "success"))
            curriculum.advance(trainer, module, phi, success, left)
            robot_s += curriculum.robot_s
        used = self._used(curriculum)
        if not self._fits(trainer, used):
            # Not should_stop, which would end the epoch before anything is learnt in it.
            trainer.fit_loop.max_epochs = trainer.current_epoch + 1
        stations = getattr(task, "stations", None)
        arms = {} if stations is None else stations.metrics()
        module.log_dict(
            {
                "collection/success": everyone["success"].float().mean(),
                "collection/attempts": float(used),
                "time/collected_s": robot_s,
                **{f"arms/{name}": value for name, value in arms.items()},
            },
            batch_size=1,
        )


def _worlds(task: Any, phi_set: Any, n: int, worlds: int, generator: torch.Generator) -> Tensor:
    """``n`` task parameters ``[n, P]``, of which each ``worlds`` are seen as one and the same."""
    phi: Tensor = phi_set.spread(n, generator)
    visible = task.phi_space.visible(phi)[::worlds].repeat_interleave(worlds, dim=0)
    return torch.cat([visible, task.phi_space.hidden(phi)], dim=1)
