"""How well a policy with a memory adapts to what is hidden: success by shot on held-out phi."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule, Trainer
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from callbacks.lifetimes.adaptation import Adaptation, adaptation_figure
from callbacks.lifetimes.lives import Living, live
from callbacks.lifetimes.rivals import Guessing, Knowing, Searching
from callbacks.periodic_evaluation import STAGE_KEY, PeriodicEvaluation, Stage
from callbacks.pictures import log_figure
from callbacks.rollout_observer import EvaluatedRollouts, RolloutObserver
from callbacks.rollout_progress import rollout_progress
from datamodules.check import found_by, reference
from datamodules.hidden import Hidden
from lightning_modules.checkpoint import check_same_task, read_checkpoint
from lightning_modules.lifetime_policy import LifetimePolicy
from lightning_modules.meta_learner import MetaLearner
from lightning_modules.policy import load_learner
from lightning_modules.ranks import of_all, share
from lightning_modules.skill import SampledBy
from robot.phi import named_set
from robot.policy import Policy
from robot.seeds import evaluation_seed
from robot.success_rate import SuccessRate


class AdaptationEvaluation(PeriodicEvaluation):
    """Lets the learner live on phi that it is never trained on, and logs success by shot.

    At test it also lets those live that it is compared with, on the same phi: itself with its
    memory emptied after each episode and, where a policy ``skill`` is given, a scripted operator
    who searches (the *reference*, and as *cover* what that one has found by then) and, with that
    skill, an oracle, a memoryless
    one (a guess an episode) and one who guesses until it succeeds and then repeats. Ranks share the
    lifetimes.

    Logs ``adaptation/success/shot_<h>`` and the rest of
    :meth:`~callbacks.lifetimes.adaptation.Adaptation.metrics`, at test for the others with their
    name in the place of ``success``, and the figure ``adaptation/curve``. Then it shows the
    episodes of each shot to every :class:`~callbacks.RolloutObserver`.

    Args:
        every_n_epochs: validations in other epochs let nobody live, but in the last one.
        lifetimes: at validation.
        test_lifetimes: at test.
        shots: H.
        num_envs: most lifetimes that are lived at once.
        skill: checkpoint of the policy that the others act with at test; without one they are left
            out.
        seed: of the evaluation, independent of the run's.
        phi_set: name of the set that phi is drawn from; the one that the task trains on, if None.

    Raises:
        ValueError: if a number is below 1; at setup, if there is no such set.
    """

    def __init__(
        self,
        every_n_epochs: int = 1,
        lifetimes: int = 64,
        test_lifetimes: int = 512,
        shots: int = 6,
        num_envs: int = 128,
        skill: str | None = None,
        seed: int = 0,
        phi_set: str | None = None,
    ) -> None:
        if min(every_n_epochs, lifetimes, test_lifetimes, shots, num_envs) < 1:
            raise ValueError(
                f"every_n_epochs is {every_n_epochs}, lifetimes {lifetimes}, test_lifetimes "
                f"{test_lifetimes}, shots {shots} and num_envs {num_envs}, all must be at least 1"
            )
        amount: dict[Stage, int] = {"validation": lifetimes, "test": test_lifetimes}
        super().__init__(every_n_epochs, amount, seed)
        self.shots = shots
        self.num_envs = num_envs
        self.skill = skill
        self.phi_set = phi_set

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks that there is something hidden, and a memory to find it out with."""
        task: Any = getattr(trainer, "datamodule", None)
        if not isinstance(task, Hidden):
            raise ValueError(
                f"adaptation is evaluated on a task with something hidden, {type(task).__name__} "
                "has nothing"
            )
        if not isinstance(pl_module, MetaLearner):
            raise ValueError(f"{type(pl_module).__name__} has no memory to adapt with")
        self._evaluated(task)
        if self.skill is not None:
            check_same_task(read_checkpoint(self.skill), pl_module.spec)
        needed = self.shots * -(-task.max_steps // pl_module.horizons.action)
        if needed > pl_module.trunk.context:
            raise ValueError(
                f"{self.shots} shots may take {needed} decisions, more than the "
                f"{pl_module.trunk.context} of the learner's context"
            )

    def evaluate(self, trainer: Trainer, module: Any, stage: Stage, n: int) -> None:
        """Lets ``n`` live; at test the others too."""
        task = self._evaluated(trainer.datamodule)  # pyright: ignore[reportAttributeAccessIssue]
        key = evaluation_seed(self.seed, "adaptation", STAGE_KEY[stage])
        everyone = task.phi_set.sample(n, torch.Generator().manual_seed(key))
        phi = everyone[share(n, trainer)]
        makers: dict[str, Callable[[Tensor, int], Living]] = {
            "success": lambda phi, _: LifetimePolicy(module, len(phi))
        }
        if stage == "test":
            makers |= self._others(task, module)
        lived: dict[str, Adaptation] = {}
        shown: list[TensorDictBase] = []
        with rollout_progress(trainer, len(phi) * self.shots * len(makers)) as advance:
            for name, maker in makers.items():
                parts: list[Adaptation] = []
                for number, group in enumerate(phi.split(self.num_envs)):
                    place = (STAGE_KEY[stage], name, number, trainer.global_rank)
                    seed = evaluation_seed(self.seed, *place)
                    environment = task.environment(len(group), seed)
                    record = name == "success" and number == 0
                    shots = live(
                        environment, maker(group, seed), group, self.shots, seed, record=record
                    )
                    environment.close()
                    shown += shots if record else []
                    parts.append(Adaptation.of(shots))
                    advance(len(group) * self.shots)
                lived[name] = _all_lifetimes(module, Adaptation.joined(parts), n)
        curves = {name: adaptation.by_shot() for name, adaptation in lived.items()}
        if stage == "test" and self.skill is not None:
            searched = reference(task, everyone, self.shots, self.seed)
            for name, success in (("reference", searched), ("cover", found_by(searched))):
                curves[name] = [SuccessRate.of(shot) for shot in success.unbind(1)]
        measured = _metrics(task, lived["success"], curves)
        last = {"adaptation/success": measured[f"adaptation/success/shot_{self.shots}"]}
        module.log_dict(measured | last, batch_size=1)
        log_figure(trainer, "adaptation/curve", adaptation_figure(curves))
        rollouts = EvaluatedRollouts(
            task,
            {f"shot_{i + 1}": _shot(lived["success"], i) for i in range(self.shots)},
            {f"shot_{i + 1}": shot for i, shot in enumerate(shown)},
            prefix="adaptation/success",
            measured=measured,
        )
        for observer in trainer.callbacks:  # pyright: ignore[reportAttributeAccessIssue]
            if isinstance(observer, RolloutObserver):
                observer.on_rollouts(trainer, module, rollouts)

    def _evaluated(self, task: Any) -> Any:
        """The task on the set that is evaluated: what those who guess know of phi is that set."""
        if self.phi_set is None:
            return task
        other = copy.copy(task)
        other.phi_set = named_set(task.phi_sets, self.phi_set, task.task_name)
        return other

    def _others(
        self, task: Hidden, module: MetaLearner
    ) -> dict[str, Callable[[Tensor, int], Living]]:
        """Who else lives at test, by name."""
        others: dict[str, Callable[[Tensor, int], Living]] = {
            "memory_reset": lambda phi, _: LifetimePolicy(module, len(phi), forgets=True)
        }
        if self.skill is None:
            return others
        learner = load_learner(self.skill).to(module.device)
        skill: Policy = SampledBy(learner, learner.sampler)  # whatever suits the module

        def searching(phi: Tensor, seed: int) -> Living:
            return Searching(skill, task, phi, "prior", torch.Generator().manual_seed(seed))

        def guessing(phi: Tensor, seed: int) -> Living:
            return Guessing(skill, task, len(phi), torch.Generator().manual_seed(seed))

        return {
            **others,
            "oracle": lambda phi, _: Knowing(skill, task, task.phi_space.hidden(phi)),
            "memoryless": guessing,
            "random_then_repeat": searching,
        }


def _metrics(
    task: Hidden, lived: Adaptation, curves: dict[str, list[SuccessRate]]
) -> dict[str, float]:
    """All that is logged of the learner, and of the others their success."""
    metrics = {f"adaptation/{k}": v for k, v in lived.metrics(task.spec.rate).items()}
    for name, rates in curves.items():
        for shot, rate in enumerate(rates, start=1):
            metrics |= rate.metrics(f"adaptation/{name}/shot_{shot}")
    return metrics


def _all_lifetimes(module: LightningModule, mine: Adaptation, n: int) -> Adaptation:
    """Those of all ranks."""
    return Adaptation(of_all(module, mine.success, n), of_all(module, mine.length, n))


def _shot(lived: Adaptation, shot: int) -> TensorDictBase:
    fields = {"success": lived.success[:, shot], "length": lived.length[:, shot]}
    return TensorDict(fields, batch_size=[len(lived.success)])
