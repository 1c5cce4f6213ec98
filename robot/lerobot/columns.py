"""What becomes of an episode's fields in the columns of a LeRobotDataset, and back.

::

    observation.state              joint positions and, where it is recorded apart, the opening
    observation.environment_state  all other observation fields, end to end
    action                         the action that was sent
    phi, observation_time, next.reward, ... all else, under its own name

The numbers keep their types: nothing is lost. Which picture of a film belongs to a step the films
say themselves, see ``robot.lerobot.films``.
"""

# tensordict ships partial type information: what it leaves unknown is not ours.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict, TensorDictBase

from robot.film import FRAME
from robot.lerobot.dataset import STATE
from robot.schema import OBSERVATION

ENVIRONMENT = "observation.environment_state"
STATE_FIELDS = ("joint_position", "gripper_opening")
Columns = dict[str, NDArray[Any]]


class Layout:
    """Where the fields of a store's episodes go.

    Args:
        shapes: of each leaf of an episode, per step; of nested ones by dotted names.
    """

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        seen = [name for name in self.shapes if name.startswith(f"{OBSERVATION}.")]
        wanted = [f"{OBSERVATION}.{name}" for name in STATE_FIELDS]
        self.fields = {STATE: [name for name in wanted if name in seen]}
        if rest := [name for name in seen if name not in wanted]:
            self.fields[ENVIRONMENT] = rest
        self.fields |= {name: [name] for name in self.shapes if name not in seen}

    @classmethod
    def of(cls, episode: TensorDictBase) -> Layout:
        """That of an episode ``[T]``."""
        return cls({name: value.shape[1:] for name, value in _leaves(episode).items()})

    def width(self, column: str) -> int:
        """Numbers of a column in each frame."""
        return sum(int(np.prod(self.shapes[name])) for name in self.fields[column])

    def names(self, column: str) -> list[str]:
        """Of a column's numbers: ``object_position.0`` and so on."""
        return [
            f"{name.removeprefix(f'{OBSERVATION}.')}.{i}"
            for name in self.fields[column]
            for i in range(int(np.prod(self.shapes[name])))
        ]

    def columns(self, episode: TensorDictBase) -> Columns:
        """An episode ``[T]`` as columns ``[T, D]``.

        Raises:
            ValueError: if its fields are not those of this layout.
        """
        leaves = _leaves(episode)
        shapes = {name: tuple(value.shape[1:]) for name, value in leaves.items()}
        if shapes != self.shapes:
            other = {*shapes.items()} ^ {*self.shapes.items()}
            raise ValueError(
                f"episodes differ in their fields: {sorted(name for name, _ in other)[0]}"
            )
        return {
            column: np.concatenate(
                [leaves[name].numpy().reshape(len(episode), -1) for name in fields], axis=1
            )
            for column, fields in self.fields.items()
        }

    def episode(self, columns: Mapping[str, NDArray[Any]]) -> TensorDict:
        """Inverse of :meth:`columns`; those of one number may be ``[T]``."""
        leaves: dict[tuple[str, ...], torch.Tensor] = {}
        length = 0
        for column, fields in self.fields.items():
            values = columns[column]
            length = len(values)
            ends = np.cumsum([int(np.prod(self.shapes[name])) for name in fields])[:-1]
            parts = np.split(values.reshape(length, -1), ends, axis=1)
            for name, part in zip(fields, parts, strict=True):
                shaped = torch.from_numpy(part.copy()).reshape(length, *self.shapes[name])
                leaves[tuple(name.split("."))] = shaped
        episode = TensorDict({}, batch_size=[length])
        for key, value in leaves.items():
            episode[key] = value
        return episode


def _leaves(episode: TensorDictBase) -> dict[str, torch.Tensor]:
    """By dotted names, in a fixed order."""
    found: dict[str, torch.Tensor] = {}
    for key in episode.exclude(FRAME).keys(include_nested=True, leaves_only=True):
        found[key if isinstance(key, str) else ".".join(key)] = episode.get(key)
    return dict(sorted(found.items()))
