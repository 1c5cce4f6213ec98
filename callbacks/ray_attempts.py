"""Attempts by the workers of a Ray cluster, through TorchRL's collector of them.

Needs the extra ``ray``. A worker that dies is started anew and makes again what it was at: since
an attempt is a function of its key, what is collected stays the same.
"""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor
from torchrl.collectors import BaseCollector
from typing_extensions import override

from callbacks.attempts import Attempts, Group, attempt
from robot.seeds import training_seed

FOREVER = -1


class RayAttempts(Attempts):
    """As :class:`Attempts`, the environments in processes of their own, here or elsewhere.

    Args:
        num_envs: arms of an environment, which are stepped together.
        environments: how many workers there are, a core each.
        shots: H, for lifetimes; episodes if None.
        address: of a running cluster; one is started on this machine if None.

    Raises:
        ImportError: if Ray is not installed.
        ValueError: on the first call, if the cluster has fewer cores than ``environments``.
    """

    def __init__(
        self,
        num_envs: int,
        environments: int = 2,
        shots: int | None = None,
        address: str | None = None,
    ) -> None:
        super().__init__(num_envs, environments, shots)
        try:
            import ray
        except ImportError as error:
            raise ImportError("Ray is not installed: pip install 'beachhead[ray]'") from error
        self._ray = ray
        self.address = address
        self._collector: Any = None
        self._arms, self._began_ray = 0, False

    @override
    def __call__(
        self, task: Any, learner: Any, explores: bool, phi: Tensor, key: tuple[int | str, ...]
    ) -> list[Group]:
        groups = phi.split(self.num_envs)
        if self._arms < len(groups[0]):
            self._connect(task, len(groups[0]))
        shipped = self._ray.put(shippable(learner))
        workers = self._collector.remote_collectors
        pending = [
            workers[i % len(workers)].attempt.remote(
                shipped, explores, group, self.shots, training_seed(*key, i)
            )
            for i, group in enumerate(groups)
        ]
        made = self._ray.get(pending)
        return [Group(attempts, decisions) for attempts, decisions in made]

    def _connect(self, task: Any, arms: int) -> None:
        from torchrl.collectors.distributed import RayCollector

        self.close()
        if not self._ray.is_initialized():
            self._ray.init(address=self.address, log_to_driver=False)
            self._began_ray = True
        cores = self._ray.cluster_resources().get("CPU", 0)
        if cores < self.environments:
            raise ValueError(
                f"environments is {self.environments}, a core each, and the Ray cluster has "
                f"{cores:g} of them"
            )
        bare = copy.copy(task)  # what an environment needs: not the data, nor the trainer
        bare.sources, bare.trainer = {}, None
        with warnings.catch_warnings():
            # Weights travel with the learner that is asked to make attempts.
            warnings.filterwarnings("ignore", message=".*weight", category=UserWarning)
            self._collector = RayCollector(
                [partial(bare.environment, arms, task.seed, 1)] * self.environments,
                collector_class=cast("Any", RemoteAttempts),
                frames_per_batch=self.environments,
                weight_sync_schemes={},
                remote_configs={
                    "num_cpus": 1,
                    "max_restarts": FOREVER,
                    "max_task_retries": FOREVER,
                },
            )
        self._arms = arms

    @override
    def close(self) -> None:
        super().close()
        if self._collector is not None:
            self._collector.shutdown()
            self._collector, self._arms = None, 0
        if self._began_ray:
            self._ray.shutdown()
            self._began_ray = False


def shippable(learner: Any) -> Any:
    """A learner without its trainer, on the CPU, exploring as in the present iteration."""
    other = copy.deepcopy(learner).cpu().eval()
    other.exploration = learner.exploration.at(learner.current_epoch)
    return other


class RemoteAttempts(BaseCollector):
    """What a worker runs: one environment, attempts when asked for.

    Args:
        create_env_fn: makes the environment, the only one of a list.
        others: of TorchRL's collectors, which step environments on their own account.
    """

    def __init__(self, create_env_fn: list[Callable[[], Any]], **others: Any) -> None:
        super().__init__()
        torch.set_num_threads(1)
        self._environment = create_env_fn[0]()

    @classmethod
    def as_remote(cls, remote_config: dict[str, Any]) -> Any:
        """The class as Ray starts it on a worker."""
        import ray

        return ray.remote(**remote_config)(cls)

    def attempt(
        self, learner: Any, explores: bool, phi: Tensor, shots: int | None, seed: int
    ) -> tuple[TensorDict, TensorDict | None]:
        """One group of attempts, and what was decided in them."""
        (group,) = attempt(self._environment, learner, explores, phi, shots, seed)
        return group.attempts, group.decisions

    @override
    def shutdown(
        self, timeout: float | None = None, close_env: bool = True, raise_on_error: bool = True
    ) -> None:
        self._environment.close()

    @override
    def iterator(self) -> Iterator[TensorDictBase]:
        """Nothing: it collects when it is asked."""
        return iter(())

    @override
    def set_seed(self, seed: int, static_seed: bool = False) -> int:
        """Seeds come with what is asked for."""
        return seed

    @override
    def state_dict(self) -> OrderedDict[str, Any]:
        return OrderedDict()

    @override
    def load_state_dict(self, state_dict: OrderedDict[str, Any]) -> None:
        return
