"""Changes to recorded episodes: each makes a new episode and only then lets go of the old one."""

from __future__ import annotations

from dataclasses import replace

from tensordict import TensorDict

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.schema import DONE, REWARD, TERMINATED, TRUNCATED


def relabel(store: EpisodeStore, episode_id: int, success: bool, notes: str | None = None) -> int:
    """Says anew whether an episode succeeded; its id from then on.

    Args:
        store: that holds it.
        episode_id: which.
        success: whether it did.
        notes: instead of those it has; they stay, if None.

    Raises:
        KeyError: if there is no such episode.
        ValueError: if it cannot be read.
    """
    info = store.info(episode_id)
    said = info.notes if notes is None else notes
    episode = ended(store.load(episode_id).clone(), success)
    return _instead(store, episode_id, episode, replace(info, success=success, notes=said))


def trim(store: EpisodeStore, episode_id: int, first: int, last: int) -> int:
    """Keeps the steps from ``first`` to ``last``, both included; the episode's id from then on.

    It ends there as it ended before: what succeeded has succeeded.

    Raises:
        KeyError: if there is no such episode.
        ValueError: if it has no such steps, or cannot be read.
    """
    steps = store.num_steps(episode_id)
    if not 0 <= first <= last < steps:
        raise ValueError(
            f"episode {episode_id} has the steps 0 to {steps - 1}, none from {first} to {last}"
        )
    info = store.info(episode_id)
    episode = ended(store.load(episode_id)[first : last + 1].clone(), info.success)
    share = len(episode) / steps
    seconds = {name: share * getattr(info, name) for name in ("human_s", "scripted_s", "robot_s")}
    return _instead(store, episode_id, episode, replace(info, **seconds))


def ended(episode: TensorDict, success: bool) -> TensorDict:
    """The episode ``[T]`` with its last step as one that ends it, successfully or not."""
    values = {REWARD: float(success), TERMINATED: success, TRUNCATED: not success, DONE: True}
    for key, value in values.items():
        episode.get(key)[-1] = value
    return episode


def _instead(store: EpisodeStore, old: int, episode: TensorDict, info: EpisodeInfo) -> int:
    new = store.append(episode, info, store.films(old))
    store.delete(old)
    return new
