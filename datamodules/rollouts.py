"""Rollouts: own attempts of the current iteration, in shuffled minibatches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from tensordict import TensorDict, TensorDictBase
from torchrl.data import TensorDictReplayBuffer, TensorStorage
from torchrl.data.replay_buffers.samplers import SamplerWithoutReplacement

from datamodules.sources import Source
from robot.schema import TaskSpec
from robot.seeds import training_seed


class Rollouts(Source):
    """Serves what a callback has collected at the start of the epoch, and nothing older.

    An epoch is an iteration: collect, then learn from that. The number of minibatches is fixed,
    however many decisions the attempts took, so that all ranks take equally many steps.

    Args:
        passes: how often each sample is seen in an iteration.
        minibatches: into how many parts a pass is cut.

    Raises:
        ValueError: if one of them is below 1.
    """

    sets_epoch = True
    collected = True

    def __init__(self, passes: int = 2, minibatches: int = 4) -> None:
        if passes < 1 or minibatches < 1:
            raise ValueError(
                f"passes is {passes} and minibatches {minibatches}, both must be at least 1"
            )
        self.passes = passes
        self.minibatches = minibatches
        self._seed, self._rank = 0, 0
        self._loader = RolloutLoader(self)
        self.buffer: TensorDictReplayBuffer | None = None
        self.batch_size = 0

    def setup(
        self,
        spec: TaskSpec,
        observation_horizon: int,
        prediction_horizon: int,
        seed: int,
        rank: int,
        world_size: int,
    ) -> None:
        """Notes the seed; there is nothing to serve before the first attempts."""
        self._seed, self._rank = seed, rank

    def replace(self, samples: TensorDict, iteration: int) -> None:
        """Serves these samples ``[M]`` from now on, in an order that the iteration decides.

        Raises:
            ValueError: if there are fewer samples than minibatches.
        """
        if len(samples) < self.minibatches:
            raise ValueError(f"{len(samples)} samples for {self.minibatches} minibatches")
        if self.buffer is None or len(samples) > self.buffer.storage.max_size:
            # Filled again as long as samples fit in: a buffer and its storage hold each other, so
            # that memory of one that is dropped stays until Python looks for such circles.
            self.buffer = TensorDictReplayBuffer(
                storage=TensorStorage(torch.empty_like(samples)),
                sampler=SamplerWithoutReplacement(),
            )
        self.buffer.empty()
        self.buffer.extend(samples)
        self.batch_size = -(-len(samples) // self.minibatches)
        seed = training_seed("minibatches", self._seed, iteration, self._rank)
        self.buffer.set_rng(torch.Generator().manual_seed(seed))

    def train_loader(self) -> RolloutLoader:
        """The minibatches of an iteration."""
        return self._loader

    def validation_loader(self) -> None:
        """None: a policy that learns from attempts is validated by attempts."""
        return


class RolloutLoader:
    """Iterable over the minibatches of the samples that are there when it starts."""

    def __init__(self, source: Rollouts) -> None:
        self._source = source

    def __len__(self) -> int:
        """Minibatches an iteration."""
        return self._source.passes * self._source.minibatches

    def __iter__(self) -> Iterator[TensorDictBase]:
        """Pass after pass, each in another order."""
        buffer = self._source.buffer
        assert buffer is not None, "a callback collects before the first minibatch is asked for"
        for _ in range(len(self)):
            yield buffer.sample(self._source.batch_size).exclude("index")
