"""What a checkpoint of a policy holds, and when one is refused; base of the policies here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from typing_extensions import override

from lightning_modules.checkpoint import (
    ONLY_FOR_TRAINING,
    check_finite,
    check_same_policy,
    check_same_training,
    check_weights,
    describe,
    resolve,
)
from lightning_modules.diffusion import Sampler, Schedule
from lightning_modules.horizons import Horizons
from lightning_modules.networks import Denoiser
from robot.schema import TaskSpec


class CheckpointedPolicy(LightningModule):
    """A policy whose checkpoints say which task it is for and how to rebuild it.

    Args:
        spec: the task, or its plain data.
    """

    def __init__(self, spec: TaskSpec | Mapping[str, Any]) -> None:
        super().__init__()
        self.spec = spec if isinstance(spec, TaskSpec) else TaskSpec.from_dict(spec)
        self._seed: int | None = None  # of the training noise

    @abstractmethod
    def init_args(self) -> dict[str, Any]:
        """The arguments beside ``spec`` as plain data: logged, and stored in checkpoints."""

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Lightning's command line lets a checkpoint's hyper-parameters override its own flags:
        # the policy's record is kept apart, so that `--ckpt_path` never changes a config.
        checkpoint.pop(self.CHECKPOINT_HYPER_PARAMS_KEY, None)
        checkpoint["spec"] = self.spec.to_dict()
        checkpoint["policy"] = describe(self, self.init_args())
        checkpoint["noise_seed"] = self._seed

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_same_policy(checkpoint, self.spec, self.init_args())
        training = self._trainer is not None and self.trainer.state.fn == TrainerFn.FITTING
        if training:
            check_same_training(checkpoint, self.init_args())
        else:
            checkpoint["state_dict"] = self._completed(checkpoint["state_dict"])
        check_weights(checkpoint["state_dict"], self.state_dict())
        if training:
            check_finite(checkpoint.get("current_model_state", {}))  # what it goes on from
        self._seed = checkpoint.get("noise_seed")

    @classmethod
    def rebuild(cls, checkpoint: Mapping[str, Any]) -> Self:
        """The learner of a checkpoint, weights loaded: averaged ones where there are any.

        ``EMAWeightAveraging`` saves the average as ``state_dict`` and the raw weights apart.
        """
        args = cls.revive(checkpoint["policy"]["init_args"])
        learner = cls(spec=TaskSpec.from_dict(checkpoint["spec"]), **args)
        weights = learner._completed(checkpoint["state_dict"])
        check_weights(weights, learner.state_dict())
        learner.load_state_dict(weights)
        return learner

    def _completed(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """With own weights for what a slim checkpoint leaves out, which acting never asks."""
        own = {n: w for n, w in self.state_dict().items() if n.startswith(ONLY_FOR_TRAINING)}
        return {**own, **weights}

    @classmethod
    def revive(cls, init_args: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments from their plain data: the inverse of :meth:`init_args`."""
        network = init_args["denoiser"]
        return {
            **init_args,
            "denoiser": partial(resolve(network["class_path"], Denoiser), **network["init_args"]),
            "horizons": Horizons(**init_args["horizons"]),
            "schedule": Schedule(**init_args["schedule"]),
            "sampler": Sampler(**init_args["sampler"]),
        }
