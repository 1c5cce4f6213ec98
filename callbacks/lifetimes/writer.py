"""Makes lifetimes where ``predict`` is run, and writes them where a task learns them from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_info
from tensordict import TensorDict

from callbacks.lifetimes.explorer import Explorer
from callbacks.lifetimes.explorers import Explorers
from callbacks.lifetimes.probe import LEAK, PROBED, leaks
from callbacks.rollout_progress import rollout_progress
from datamodules.hidden import Hidden
from datamodules.lifetime_store import LifetimeStore, origin
from datamodules.lifetimes import Lifetimes
from lightning_modules.checkpoint import fingerprint
from lightning_modules.diffusion_policy import DiffusionPolicy
from robot.seeds import training_seed
from robot.success_rate import SuccessRate


class LifetimeWriter(Callback):
    """Lets an explorer make lifetimes with the policy, and says how they went.

    Resumable: parts that are there are not made again. Ranks share the parts. In the end a probe
    tries to read the hidden parameters off the actions; its success is printed and kept with the
    data. A ``fast_dev_run`` makes one lifetime on each rank and writes nothing.

    Args:
        lifetimes: how many, a whole number of parts.
        explorer: how attempts are made: one after the other by a search, if None; else see
            :class:`Explorer`, :class:`Hindsight` and :class:`Mixture`.
        part: lifetimes that are made at once.

    Raises:
        ValueError: if a number is below 1, or the last part would not be a whole one.
    """

    def __init__(
        self,
        lifetimes: int = 2048,
        explorer: Explorers | None = None,
        part: int = 128,
    ) -> None:
        if lifetimes < 1 or part < 1 or lifetimes % part:
            raise ValueError(
                f"lifetimes is {lifetimes} and part {part}: both at least 1, and a whole number of "
                "parts"
            )
        self.lifetimes = lifetimes
        self.explorer = explorer or Explorer()
        self.part = part

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks that there is something hidden, a skill, and a place for the lifetimes."""
        task: Any = getattr(trainer, "datamodule", None)
        if not isinstance(task, Hidden):
            raise ValueError(
                f"lifetimes are made on a task with something hidden, {type(task).__name__} has "
                "nothing"
            )
        if not isinstance(pl_module, DiffusionPolicy):
            raise ValueError(f"{type(pl_module).__name__} is no skill to make attempts with")
        self._source(task)
        for rung in self.explorer.rungs:  # now, not after the attempts of the rungs before it
            rung.policy(pl_module, seed=0)

    def _source(self, task: Hidden) -> Lifetimes:
        found = [s for s in task.sources.values() if isinstance(s, Lifetimes)]
        if len(found) != 1:
            raise ValueError(
                "LifetimeWriter writes to the datamodules.Lifetimes among the task's sources; "
                f"there are {', '.join(task.sources)}"
            )
        return found[0]

    @torch.inference_mode(False)
    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Makes what is missing."""
        task: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        learner: Any = pl_module
        if trainer.fast_dev_run:  # pyright: ignore[reportAttributeAccessIssue]
            environment = task.environment(1, task.seed)
            self._made(task, learner, environment, part=trainer.global_rank, count=1)
            environment.close()
            return
        store = LifetimeStore.open_or_create(self._source(task).path, self._metadata(task, learner))
        if trainer.is_global_zero:
            store.wanted = self.lifetimes
        wanted = range(trainer.global_rank, self.lifetimes // self.part, trainer.world_size)
        missing = sorted(set(wanted) - set(store.parts()))
        environment = task.environment(self.part, task.seed) if missing else None
        shots = self.explorer.shots
        with rollout_progress(trainer, len(missing) * self.part * shots) as advance:
            for part in missing:
                store.write(part, self._made(task, learner, environment, part, self.part))
                advance(self.part * shots)
        if environment is not None:
            environment.close()
        trainer.strategy.barrier()
        if trainer.is_global_zero:
            self._report(store, task)

    def _made(self, task: Any, learner: Any, environment: Any, part: int, count: int) -> TensorDict:
        seed = training_seed("lifetimes", task.seed, part)
        phi = task.phi_set.sample(count, torch.Generator().manual_seed(seed))
        return self.explorer.of_part(part).lifetimes(task, learner, environment, phi, seed)

    def _metadata(self, task: Hidden, learner: DiffusionPolicy) -> dict[str, Any]:
        return {
            **origin(task, learner.horizons),
            "phi_set": task.phi_set.name,
            "max_steps": task.max_steps,
            "explorer": self.explorer.describe(),
            "sampler": asdict(learner.sampler),
            "skill": fingerprint(learner.state_dict()),
            "part": self.part,
            "seed": task.seed,
        }

    def _report(self, store: LifetimeStore, task: Hidden) -> None:
        lifetimes = store.load()
        found: dict[str, float] = {}
        said = f"too few for a probe, which takes {PROBED}"
        if len(lifetimes) >= PROBED:
            by_shot = leaks(lifetimes, task.phi_space.hidden(lifetimes["phi"]))
            found |= {f"leak/shot_{shot}": value for shot, value in enumerate(by_shot, start=1)}
            found["leak"] = max(by_shot)
            said = (
                f"a probe reads {max(0.0, found['leak']):.0%} of phi's variance off the actions "
                f"before a success: they {'' if found['leak'] > LEAK else 'do not '}give phi away"
            )
        for shot, success in enumerate(lifetimes["success"].unbind(1), start=1):
            found |= SuccessRate.of(success).metrics(f"success/shot_{shot}")
        store.write_probe(found)
        curve = " ".join(
            f"{found[f'success/shot_{i + 1}']:.2f}" for i in range(self.explorer.shots)
        )
        rank_zero_info(
            f"{len(lifetimes)} lifetimes at {store.path}: success by shot {curve}; {said}"
        )
