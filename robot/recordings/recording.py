"""What all recordings of others have: states, actions, stamps, and where episodes end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot.schema import Range

# Widens the ranges on either side, as a share of their width, so that nothing is clipped.
MARGIN = 0.05


@dataclass(frozen=True)
class Recording:
    """The numbers of a recording.

    Attributes:
        path: its file or folder.
        joints: names of the action's dimensions.
        rate: frames a second, Hz.
        robot_type: what recorded it; None if it does not say.
        state: ``[N, S]``, frames of all episodes in order, in the recording's own units.
        action: ``[N, A]``, likewise.
        timestamp: ``[N]``, s from the start of the episode.
        lengths: frames of each episode.

    Raises:
        ValueError: if these contradict each other, or hold a number that is not finite.
    """

    path: Path
    joints: tuple[str, ...]
    rate: float
    robot_type: str | None
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    timestamp: NDArray[np.float32]
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"{self.path} has {self.rate} frames a second, must be above 0")
        if self.action.shape[1:] != (len(self.joints),):
            raise ValueError(
                f"{self.path} names {len(self.joints)} joints, its actions have shape "
                f"{self.action.shape[1:]}"
            )
        counts = {len(self.state), len(self.action), len(self.timestamp), sum(self.lengths)}
        if len(counts) > 1 or not self.lengths:
            raise ValueError(
                f"{self.path} has {len(self.state)} states, {len(self.action)} actions and "
                f"{len(self.timestamp)} stamps in {len(self.lengths)} episodes of "
                f"{sum(self.lengths)} frames"
            )
        for what, values in (("state", self.state), ("action", self.action)):
            bad = np.flatnonzero(~np.isfinite(values).all(1))
            if len(bad):
                raise ValueError(
                    f"{self.path} holds a number that is not finite in the {what} of frame {bad[0]}"
                )

    @property
    def state_range(self) -> Range:
        """Bounds of the states, widened."""
        return widened(self.state.min(0), self.state.max(0))

    @property
    def action_range(self) -> Range:
        """Bounds of the actions, widened."""
        return widened(self.action.min(0), self.action.max(0))


def widened(low: NDArray[np.floating], high: NDArray[np.floating]) -> Range:
    """Bounds ``[D]`` with a margin; what never moved has no width."""
    low, high = low.astype(np.float64), high.astype(np.float64)
    margin = np.maximum(MARGIN * (high - low), 1e-3)
    return Range(tuple((low - margin).tolist()), tuple((high + margin).tolist()))


def end_to_end(
    path: Path,
    episodes: list[tuple[NDArray[np.generic], NDArray[np.generic]]],
    rate: float,
    joints: tuple[str, ...] | None = None,
    robot_type: str | None = None,
) -> Recording:
    """A recording of episodes that come one by one, without stamps.

    Args:
        path: its file or folder.
        episodes: states ``[T, S]`` and actions ``[T, A]`` of each.
        rate: Hz.
        joints: names of the action's dimensions; numbers, if None.
        robot_type: what recorded it.

    Raises:
        ValueError: if there is none, or they differ in their dimensions.
    """
    if not episodes:
        raise ValueError(f"{path} holds no episode")
    shapes = {(state.shape[1:], action.shape[1:]) for state, action in episodes}
    if len(shapes) > 1 or any(len(shape) != 1 for shape in next(iter(shapes))):
        raise ValueError(f"the episodes of {path} have states and actions of shapes {shapes}")
    lengths = tuple(len(action) for _, action in episodes)
    dims = episodes[0][1].shape[1]
    frame = np.concatenate([np.arange(n) for n in lengths])
    return Recording(
        path,
        joints or tuple(f"joint_{i}" for i in range(dims)),
        rate,
        robot_type,
        np.concatenate([state for state, _ in episodes]).astype(np.float32),
        np.concatenate([action for _, action in episodes]).astype(np.float32),
        (frame / rate).astype(np.float32),
        lengths,
    )
