"""Recorded commands over time, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from robot.episodes import EpisodeStore
from robot.schema import ACTION, OBSERVATION, OBSERVATION_TIME

SUCCEEDED, FAILED = "C2", "C3"  # matplotlib's green and red


def plot_episodes(store: EpisodeStore, ids: Sequence[int]) -> Figure:
    """The commands of each joint; of one episode alone, what was measured too.

    Raises:
        KeyError: if there is no such episode.
        ValueError: if one cannot be read.
    """
    joints = store.spec.joints
    drawn = Figure(figsize=(9, 1.5 * len(joints) + 1), layout="constrained")
    rows = drawn.subplots(len(joints), 1, sharex=True, squeeze=False)[:, 0]
    for i in ids:
        episode = store.load(i)
        seconds = (episode[OBSERVATION_TIME] - episode[OBSERVATION_TIME][0]).flatten()
        color = SUCCEEDED if store.info(i).success else FAILED
        for j, axes in enumerate(rows):
            axes.plot(seconds, episode[ACTION][:, j], color=color, lw=0.8)
            measured = episode.get((OBSERVATION, "joint_position"), None)
            if len(ids) == 1 and measured is not None and j < measured.shape[1]:
                axes.plot(seconds, measured[:, j], color="0.5", lw=0.8, ls="--")
    for name, axes in zip(joints, rows, strict=True):
        axes.set_ylabel(f"{name}, {'m' if name == joints[-1] else 'rad'}", fontsize=8)
        axes.grid(alpha=0.3)
    rows[-1].set_xlabel("s; green: succeeded, red: failed; dashed: measured")
    return drawn
