"""A dataset of TorchRL on disk: a TensorDict ``[N]`` as ``memmap`` writes it.

``action``; ``observation / state``, as LeRobotExperienceReplay has it, or all observations of one
dimension by their names; ``episode`` says which frames belong together.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.recordings.recording import Recording, end_to_end


def read_torchrl(path: Path, rate: float | None) -> Recording:
    """Reads one.

    Args:
        path: its folder.
        rate: Hz; the dataset does not say it.

    Raises:
        ValueError: if something is missing, or nobody says the rate.
    """
    if rate is None:
        raise ValueError(f"{path} does not say how many frames a second it has: give --rate")
    data = TensorDict.load_memmap(path)
    for key in ("action", "episode", "observation"):
        if data.get(key, None) is None:
            raise ValueError(f"{path} has no {key!r}; it has {', '.join(map(str, data.keys()))}")
    episode: Tensor = data.get("episode").flatten()
    lengths = torch.unique_consecutive(episode, return_counts=True)[1].tolist()
    if len(lengths) != len(episode.unique()):
        raise ValueError(f"the frames of an episode of {path} do not follow each other")
    states = _state(data.get("observation")).numpy()
    actions: Tensor = data.get("action")
    ends = np.cumsum(lengths)[:-1]
    parts = zip(np.split(states, ends), np.split(actions.numpy(), ends), strict=True)
    return end_to_end(path, list(parts), rate)


def _state(observation: Tensor | TensorDictBase) -> Tensor:
    """``[N, S]``."""
    if isinstance(observation, Tensor):
        return observation
    state = observation.get("state", None)
    if state is not None:
        return state
    named = {str(name): value for name, value in observation.items()}
    return torch.cat([named[name] for name in sorted(named) if named[name].ndim == 2], dim=1)
