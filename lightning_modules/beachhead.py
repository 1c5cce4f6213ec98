"""The beachhead: a policy that already succeeds at times, from where reward takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lightning_modules.checkpoint import check_same_task, check_weights, read_checkpoint
from lightning_modules.diffusion import Sampler
from lightning_modules.networks import Denoiser
from robot.schema import TaskSpec


@dataclass(frozen=True)
class Beachhead:
    """What a checkpoint says of the policy to start from.

    Attributes:
        path: of the checkpoint.
        init_args: the policy's arguments as plain data.
        weights: by name.
    """

    path: str
    init_args: Mapping[str, Any]
    weights: Mapping[str, Tensor]

    @classmethod
    def read(cls, path: str, spec: TaskSpec) -> Beachhead:
        """Reads a checkpoint.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no policy's checkpoint, or one for another task.
        """
        checkpoint = read_checkpoint(path)
        check_same_task(checkpoint, spec)
        return cls(path, checkpoint["policy"]["init_args"], checkpoint["state_dict"])

    def load(self, denoiser: Denoiser, base: Denoiser | None, sampler: Sampler, tuned: int) -> None:
        """Loads its weights.

        Args:
            denoiser: the network that is tuned.
            base: the one that takes the denoising steps before; the same at first, unless the
                beachhead was itself tuned.
            sampler: how chunks are going to be sampled.
            tuned: how many of its last denoising steps are going to be tuned.

        Raises:
            ValueError: if the beachhead was itself tuned, in other steps, or its weights do not fit
                or are not finite.
        """
        _load(denoiser, self._under("denoiser."), self.path)
        frozen = self._under("base.")
        if frozen:
            theirs = Sampler(**self.init_args["sampler"]), self.init_args["tuned_steps"]
            if base is None or theirs != (sampler, tuned):
                raise ValueError(
                    f"the beachhead {self.path} was itself tuned, in {theirs[1]} steps of "
                    f"{theirs[0]}; here it is {tuned} steps of {sampler}: give the same"
                )
        if base is not None:
            _load(base, frozen or self._under("denoiser."), self.path)

    def _under(self, prefix: str) -> dict[str, Tensor]:
        """The weights of a part, by their names in it; none if there is no such part."""
        return {n.removeprefix(prefix): w for n, w in self.weights.items() if n.startswith(prefix)}


def _load(network: Denoiser, weights: Mapping[str, Tensor], path: str) -> None:
    try:
        check_weights(weights, network.state_dict())
    except ValueError as error:
        raise ValueError(f"the beachhead {path} is broken: {error}") from error
    network.load_state_dict(weights)
