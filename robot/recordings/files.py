"""Recordings in files of numpy and HDF5.

::

    a folder of *.npz      an episode each, by name: state [T, S], action [T, A]; rate (Hz) and
                           joints (names of the action's dimensions) if they are there
    a folder of *.hdf5     an episode each, as ACT and ALOHA have it: /observations/qpos [T, A],
                           /action [T, A]
    a file *.hdf5          as robomimic has it: /data/demo_<i>/obs/<name> [T, ...], of which those
                           with one dimension are the state, by name; /data/demo_<i>/actions [T, A]
"""

# h5py ships no type information.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from robot.recordings.recording import Recording, end_to_end

Episode = tuple[NDArray[Any], NDArray[Any]]


def read_npz(path: Path, rate: float | None) -> Recording:
    """A folder of ``*.npz``.

    Args:
        path: the folder.
        rate: Hz, where the files do not say.

    Raises:
        ValueError: if a file lacks something, or nobody says the rate.
    """
    episodes: list[Episode] = []
    joints: tuple[str, ...] | None = None
    for file in sorted(path.glob("*.npz")):
        with _opened(file, np.load) as arrays:
            episodes.append((_of(file, arrays, "state"), _of(file, arrays, "action")))
            rate = float(arrays["rate"]) if "rate" in arrays else rate
            joints = tuple(arrays["joints"].tolist()) if "joints" in arrays else joints
    return end_to_end(path, episodes, _stated(path, rate), joints)


def read_act(path: Path, rate: float | None) -> Recording:
    """A folder of ``*.hdf5``, an episode each.

    Args:
        path: the folder.
        rate: Hz; the files do not say it (ALOHA has 50).

    Raises:
        ModuleNotFoundError: if h5py is not installed.
        ValueError: if a file lacks something, or nobody says the rate.
    """
    episodes: list[Episode] = []
    for file in sorted(path.glob("*.hdf5")):
        with _opened(file, _h5py().File) as opened:
            episodes.append((_of(file, opened, "observations/qpos"), _of(file, opened, "action")))
    return end_to_end(path, episodes, _stated(path, rate))


def read_robomimic(path: Path, rate: float | None) -> Recording:
    """A file ``*.hdf5``.

    Args:
        path: the file.
        rate: Hz, where its ``env_args`` do not say.

    Raises:
        ModuleNotFoundError: if h5py is not installed.
        ValueError: if the file lacks something, or nobody says the rate.
    """
    with _opened(path, _h5py().File) as opened:
        data = opened.get("data")
        if data is None:
            raise ValueError(f"{path} has no 'data'; it has {', '.join(opened)}")
        environment = json.loads(data.attrs.get("env_args", "{}"))
        rate = environment.get("env_kwargs", {}).get("control_freq", rate)
        names = sorted(data, key=lambda name: int(name.rpartition("_")[2]))
        episodes = [_demo(path, data[name]) for name in names]
    return end_to_end(path, episodes, _stated(path, rate), robot_type=environment.get("env_name"))


def _demo(path: Path, demo: Any) -> Episode:
    flat = [np.asarray(demo["obs"][name]) for name in sorted(demo.get("obs", {}))]
    flat = [values for values in flat if values.ndim == 2]
    if not flat:
        raise ValueError(f"{path} has no observation of numbers in {demo.name}")
    return np.concatenate(flat, axis=1), _of(path, demo, "actions")


def _of(file: Path, arrays: Any, name: str) -> NDArray[Any]:
    if name not in arrays:
        raise ValueError(f"{file} has no {name!r}; it has {', '.join(arrays)}")
    return np.asarray(arrays[name])


def _stated(path: Path, rate: float | None) -> float:
    if rate is None:
        raise ValueError(f"{path} does not say how many frames a second it has: give --rate")
    return float(rate)


def _opened(file: Path, opens: Callable[[Path], Any]) -> Any:
    """An open file."""
    try:
        return opens(file)
    except (OSError, ValueError, BadZipFile) as error:
        raise ValueError(f"{file} is truncated or damaged: get it again") from error


def _h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "an HDF5 file is read with h5py: pip install 'beachhead[recorded]'"
        ) from error
    return h5py
