"""The curriculum: widens the set of task parameters between epochs, where the policy can follow."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_info
from tensordict import TensorDict
from torch import Tensor

from callbacks.attempts import Attempts, all_attempts
from callbacks.curriculum.no_op import NoOp
from callbacks.curriculum.strategy import Proposal, Strategy
from lightning_modules.ranks import of_all, share
from robot.phi import PhiSet, named_set
from robot.rollout import completed, rollout
from robot.seeds import training_seed
from robot.success_rate import SuccessRate


class Curriculum(Callback):
    """Asks a strategy where to go, and goes there only if reward can be expected there.

    A policy gradient on a set where every return is 0 is 0. So before the level widens, the policy
    (without exploration) tries the *ring*, the new part alone: where the lower end of the
    interval of its success is under ``overlap``, the strategy takes a smaller step instead, and in
    the end stays.

    Logs ``curriculum/level`` (share of the way to the whole set) and, in iterations that try rings,
    ``curriculum/expected_return_next`` with ``/lo`` and ``/hi``, over all their tries; ``rings``
    has each of them, ``attempts`` the latest that were collected and ``attempted`` their level.

    Args:
        strategy: where attempts start and which way the level grows.
        whole: name of the phi set to reach.
        overlap: least expected return on a ring, the lower end of a Wilson 95 % interval.
        ring_episodes: attempts at a ring.
        gate: whether rings are tried at all; False widens blindly.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        strategy: Strategy,
        whole: str = "table",
        overlap: float = 0.02,
        ring_episodes: int = 32,
        gate: bool = True,
    ) -> None:
        if not 0 <= overlap < 1 or ring_episodes < 1:
            raise ValueError(
                f"overlap is {overlap}, it must be in [0, 1), and ring_episodes "
                f"{ring_episodes}, at least 1"
            )
        self.strategy = strategy
        self.whole = whole
        self.overlap = overlap
        self.ring_episodes = ring_episodes
        self.gate = gate
        self.tried = 0
        self.robot_s = 0.0
        self.rings: list[dict[str, float | str]] = []
        self._begun: PhiSet | None = None
        self._fitting = self._told = False
        self.attempts: TensorDict | None = None
        self.attempted: PhiSet | None = None
        self._attempts: Attempts | None = None

    @staticmethod
    def among(trainer: Trainer) -> Curriculum | None:
        """The curriculum of a run, if it has one."""
        callbacks: list[Callback] = trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]
        return next((c for c in callbacks if isinstance(c, Curriculum)), None)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Starts at the task's phi set.

        Raises:
            ValueError: if there is no such whole set, it does not contain the first, or no
                attempts are collected to learn from.
        """
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        if not hasattr(task, "phi_sets"):
            raise ValueError(
                f"a curriculum needs a task with phi sets, {type(task).__name__} has none"
            )
        callbacks: list[Callback] = trainer.callbacks  # pyright: ignore[reportAttributeAccessIssue]
        if stage == "fit" and not any(hasattr(c, "collected") for c in callbacks):
            raise ValueError(
                "a curriculum says where attempts are made and none are: add "
                "callbacks.RolloutCollection"
            )
        whole = named_set(task.phi_sets, self.whole, task.task_name)
        if not whole.contains_set(task.phi_set):
            raise ValueError(
                f"phi set {self.whole!r} does not contain {task.phi_set.name!r}: a curriculum "
                "grows from a set to one that contains it"
            )
        if stage == "fit" or self._begun is None:
            named = [*task.phi_sets.values()]
            self.strategy.between = [
                s
                for s in named[: named.index(whole)]
                if s.contains_set(task.phi_set) and not task.phi_set.contains_set(s)
            ]
            self.strategy.start(task.phi_space, task.phi_set, whole)
            self.tried, self.robot_s, self.rings = 0, 0.0, []
        self._begun, self._fitting = task.phi_set, stage == "fit"

    @property
    def level(self) -> PhiSet | None:
        """The present level; None outside of training, where no checkpoint has told it."""
        return self.strategy.level if self._fitting or self._told else None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tries what doing nothing leads to, for a strategy that asks for it."""
        if not (trials := self.strategy.no_op_trials):
            return
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        key = training_seed("doing nothing", task.seed)
        phi = self.strategy.whole.sample(trials, torch.Generator().manual_seed(key))
        # Doing nothing leads to the same on every rank: there is no policy in it.
        environment = task.environment(min(trials, self.ring_episodes), seed=task.seed)
        episodes = completed(rollout(environment, NoOp(), phi, key))
        environment.close()
        self.tried += trials
        self.robot_s += float(episodes["length"].sum()) / task.spec.rate
        self.strategy.observe_no_op(episodes["phi"], episodes["success"])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Closes the environments."""
        if self._attempts is not None:
            self._attempts.close()
            self._attempts = None

    def state_dict(self) -> dict[str, Any]:
        """The strategy's state, what was measured so far and what it took."""
        return {
            "kind": self._kind(),
            "strategy": self.strategy.state_dict(),
            "tried": self.tried,
            "robot_s": self.robot_s,
            "rings": self.rings,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of :meth:`state_dict`.

        Raises:
            ValueError: if a run would go on with another strategy or between other sets; what is
                only evaluated may be of any.
        """
        if state_dict["kind"] != self._kind():
            if not self._fitting:
                return
            raise ValueError(
                f"a resumed run keeps its curriculum: the checkpoint's is {state_dict['kind']}, "
                f"the current one is {self._kind()}"
            )
        self.strategy.load_state_dict(state_dict["strategy"])
        self.tried, self.robot_s = state_dict["tried"], state_dict["robot_s"]
        self.rings = list(state_dict["rings"])
        self._told = True

    def _kind(self) -> str:
        gate = f"{self.ring_episodes} tries of a ring" if self.gate else "no gate"
        first = self._begun.name if self._begun else "nowhere"
        return f"{self.strategy} from {first} to {self.whole} (overlap {self.overlap:g}, {gate})"

    def advance(
        self,
        trainer: Trainer,
        module: LightningModule,
        phi: Tensor,
        success: Tensor,
        episodes_left: float = math.inf,
    ) -> None:
        """Takes in what became of the attempts of all ranks, and widens the level where it can.

        Called before the policy learns from these attempts, so that a ring is tried before any
        training on it, and so that a checkpoint of the epoch holds all that happened in it.

        Args:
            trainer: of the run.
            module: the policy that tries the rings.
            phi: task parameters of the attempts, ``[n, P]``.
            success: what became of them, bool ``[n]``, or ``[n, H]`` of lifetimes.
            episodes_left: most that tries of rings may take.
        """
        self.attempted = self.strategy.level
        shots = success.reshape(len(phi), -1)
        self.attempts = TensorDict({"phi": phi, "success": shots[:, -1]}, batch_size=len(phi))
        self.strategy.observe(phi, shots)
        last = self.tried + episodes_left
        tries: list[Tensor] = []
        for proposal in self.strategy.proposals():
            tries += self._try(trainer, module, proposal, last)
        if tries:
            rate = SuccessRate.of(torch.cat(tries))
            module.log_dict(rate.metrics("curriculum/expected_return_next"), batch_size=1)
        module.log("curriculum/level", self.strategy.progress, prog_bar=True)

    def _try(
        self, trainer: Trainer, module: LightningModule, proposal: Proposal, last: float
    ) -> list[Tensor]:
        """Takes the proposed step, or a smaller one, or none; the successes of its tries."""
        step: Proposal | None = proposal
        tries: list[Tensor] = []
        while step is not None:
            if not self.gate:
                self._go(step, 0.0)
                return tries
            if self.tried + self.ring_episodes > last:
                return tries  # it stays due
            tries.append(self._successes(trainer, module, step))
            rate = SuccessRate.of(tries[-1])
            accepted = rate.interval[0] >= self.overlap
            self.rings.append(
                {
                    "epoch": trainer.current_epoch,
                    "level": self.strategy.progress,
                    "moved": step.describe(self.strategy.space),
                    "accepted": accepted,
                    **rate.metrics("expected_return"),
                }
            )
            if accepted:
                self._go(step, rate.rate)
                return tries
            step = self.strategy.refuse(step)
        where = proposal.describe(self.strategy.space)
        rank_zero_info(
            f"curriculum: no reward to expect beyond {where} ({int(tries[-1].sum())} of "
            f"{len(tries[-1])} attempts at the smallest step succeeded); add demonstrations there "
            "if it stays so"
        )
        return tries

    def _go(self, step: Proposal, expected_return: float) -> None:
        before = self.strategy.level
        self.strategy.accept(step, expected_return)
        if not self.strategy.level.contains_set(before):
            raise RuntimeError(
                f"{type(self.strategy).__name__} went to {self.strategy.level}, which does not "
                f"contain {before}: a level that widens must contain the last"
            )

    def _successes(self, trainer: Trainer, module: Any, step: Proposal) -> Tensor:
        """What the policy, as it is, brings on a ring: bool ``[ring_episodes]``."""
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        key = ("ring", task.seed, self.tried)
        generator = torch.Generator().manual_seed(training_seed(*key))
        phi = step.ring.sample(self.ring_episodes, generator)
        # Ranks share the tries, and decide by those of all.
        mine = phi[share(self.ring_episodes, trainer)]
        if self._attempts is None:
            self._attempts = Attempts(-(-len(mine) // 2), shots=module.shots)
        groups = self._attempts(task, module, False, mine, (*key, trainer.global_rank))
        return self._count(task, module, all_attempts(groups))

    def _count(self, task: Any, module: LightningModule, attempts: TensorDict) -> Tensor:
        """Counts the tries of all ranks; their success, in the end where they are lifetimes."""
        success, length = (
            of_all(module, attempts[name], self.ring_episodes) for name in ("success", "length")
        )
        self.tried += len(success)
        self.robot_s += float(length.sum()) / task.spec.rate
        return success.reshape(len(success), -1)[:, -1]
