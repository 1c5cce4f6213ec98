"""What a checkpoint says of its policy: enough to rebuild it, and to refuse a wrong one.

Beside Lightning's own keys a checkpoint holds plain data only:

    ``spec``    the task, :meth:`robot.schema.TaskSpec.to_dict`
    ``policy``  the learner: ``class_path`` and ``init_args`` without the spec; classes that it is
                given are ``{class_path, init_args}`` too, as in a config file
"""

from __future__ import annotations

import hashlib
import importlib
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from robot.schema import TaskSpec

T = TypeVar("T")

# How the names of weights begin that acting does not ask: slim checkpoints leave them out.
ONLY_FOR_TRAINING = "critic."
# Arguments of a learner with a memory: heads share their weights' shapes.
TRUNK = ("width", "num_layers", "num_heads", "context")


def describe(instance: object, init_args: Mapping[str, Any]) -> dict[str, Any]:
    """How to make ``instance`` again, as plain data."""
    cls = type(instance)
    return {"class_path": f"{cls.__module__}.{cls.__qualname__}", "init_args": dict(init_args)}


def resolve(class_path: str, base: type[T]) -> type[T]:
    """The class of that path.

    Raises:
        ValueError: if it cannot be imported or is no subclass of ``base``.
    """
    module, _, name = class_path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"the checkpoint needs class {class_path!r}, which cannot be imported"
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ValueError(f"the checkpoint's class {class_path!r} is no {base.__name__}")
    return cls


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a policy's checkpoint.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no checkpoint of a policy, or not a whole one.
    """
    checkpoint = read_file(path)
    missing = {"spec", "policy", "state_dict"} - set(checkpoint)
    if missing:
        raise ValueError(f"{str(path)!r} is no policy's checkpoint: it lacks {sorted(missing)}")
    try:
        TaskSpec.from_dict(checkpoint["spec"])
        args = checkpoint["policy"]["init_args"]
        found = {*args, *args["denoiser"], *checkpoint["policy"]}
        whole = {"denoiser", "horizons", "schedule", "sampler", "class_path", "init_args"} <= found
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{str(path)!r} says too little of its task or policy") from error
    if not whole or not isinstance(checkpoint["state_dict"], dict):
        raise ValueError(f"{str(path)!r} says too little of its policy")
    return checkpoint


def read_file(path: str | Path) -> dict[str, Any]:
    """What a checkpoint of any learner holds: tensors and plain data only, no code is run.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no checkpoint, or not a whole one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {str(path)!r}")
    unreadable = f"{str(path)!r} is not a readable checkpoint, or a truncated one"
    if not zipfile.is_zipfile(path):
        raise ValueError(unreadable)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise ValueError(unreadable) from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise ValueError(f"{str(path)!r} is no checkpoint of a run: it holds no state_dict")
    return checkpoint


def check_same_policy(
    checkpoint: Mapping[str, Any], spec: TaskSpec, init_args: Mapping[str, Any]
) -> None:
    """Refuses a checkpoint whose task, horizons, network or schedule differ.

    What only steers training or sampling (dropout, sampler, Ta) may differ.

    Raises:
        ValueError: one sentence with the checkpoint's and the current value.
    """
    check_same_task(checkpoint, spec)
    theirs, mine = checkpoint["policy"]["init_args"], init_args
    if has_memory(checkpoint) != (set(TRUNK) <= set(init_args)):
        having, lacking = "it has a memory", "the current one has none"
        if not has_memory(checkpoint):
            having, lacking = "it has no memory", "the current one has"
        raise ValueError(f"checkpoint does not fit: {having}, {lacking}")
    _check_equal(
        *(
            (f"{name} horizon", theirs["horizons"][name], mine["horizons"][name])
            for name in ("observation", "prediction")
        ),
        ("denoiser", theirs["denoiser"], mine["denoiser"]),
        ("schedule", theirs["schedule"], mine["schedule"]),
        *((name, theirs.get(name), mine.get(name)) for name in TRUNK),
    )


def check_same_task(checkpoint: Mapping[str, Any], spec: TaskSpec) -> None:
    """Refuses a checkpoint of another task, or of one that is observed or scaled differently.

    Raises:
        ValueError: one sentence with the checkpoint's and the current value.
    """
    if not {"spec", "policy"} <= set(checkpoint):
        raise ValueError("the checkpoint is no policy's: it names neither task nor policy")
    saved = TaskSpec.from_dict(checkpoint["spec"])
    _check_equal(
        ("task", saved.task, spec.task),
        ("observation fields", _dims(saved), _dims(spec)),
        ("order of observation fields", list(saved.read_ranges), list(spec.read_ranges)),
        ("action dimensions", list(saved.joints), list(spec.joints)),
        ("policy rate", saved.rate, spec.rate),
        ("observation ranges", _ranges(saved), _ranges(spec)),
        ("action range", saved.action, spec.action),
        ("range of action changes", saved.action_change, spec.action_change),
    )


def _check_equal(*pairs: tuple[str, Any, Any]) -> None:
    for what, saved, current in pairs:
        if saved != current:
            raise ValueError(f"checkpoint does not fit: {_difference(what, saved, current)}")


def check_same_training(checkpoint: Mapping[str, Any], init_args: Mapping[str, Any]) -> None:
    """Refuses to resume under other settings: one run is one way of learning.

    Raises:
        ValueError: one sentence with the checkpoint's and the current value, or that it is slim.
    """
    if "optimizer_states" not in checkpoint:
        raise ValueError("the checkpoint is a slim one: it acts, but no training goes on from it")
    theirs = checkpoint["policy"]["init_args"]
    kept = (
        *("objective", "learning_rate", "critic_learning_rate", "weight_decay", "warmup_steps"),
        *("exploration", "cloning_weight", "critic_warmup", "target_kl"),
        *("imitation", "oracle", "shots", "common_noise", "worlds"),
    )
    for name in kept:
        if theirs.get(name) != init_args.get(name):
            difference = _difference(name, theirs.get(name), init_args.get(name))
            raise ValueError(f"a resumed run keeps its {name}: {difference}")


def check_weights(saved: Mapping[str, Any], current: Mapping[str, Tensor]) -> None:
    """Refuses weights of other names or shapes, and such that are not finite.

    Raises:
        ValueError: for the first of them.
    """
    if unknown := [name for name in saved if name not in current]:
        raise ValueError(f"the checkpoint holds weights {unknown[0]!r}, which the policy has not")
    for name, value in current.items():
        if name not in saved:
            raise ValueError(f"the checkpoint lacks the weights {name!r}")
        if not isinstance(saved[name], Tensor):
            raise ValueError(f"the checkpoint's weights {name!r} are no tensor")
        if saved[name].shape != value.shape:
            raise ValueError(
                f"the checkpoint's weights {name!r} have shape {tuple(saved[name].shape)}, "
                f"the policy's {tuple(value.shape)}"
            )
    check_finite({name: saved[name] for name in current})


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Refuses weights that hold NaN or infinity.

    Raises:
        ValueError: for the first of them.
    """
    for name, value in weights.items():
        if not value.isfinite().all():
            raise ValueError(f"the checkpoint's weights {name!r} are not finite")


def has_memory(checkpoint: Mapping[str, Any]) -> bool:
    """Whether the learner reads its whole lifetime, or what it sees alone."""
    return set(TRUNK) <= set(checkpoint["policy"]["init_args"])


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """Which weights these are, in a few letters: other weights have another one."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _difference(what: str, saved: Any, current: Any) -> str:
    """The first thing in which two values differ, by its path through nested dictionaries."""
    if isinstance(saved, dict) and isinstance(current, dict):
        for key in [*saved, *(key for key in current if key not in saved)]:
            if saved.get(key, "missing") != current.get(key, "missing"):
                path = what if key == "init_args" else f"{what} {key}"
                return _difference(path, saved.get(key, "missing"), current.get(key, "missing"))
    return f"its {what} is {saved}, the current one is {current}"


def _dims(spec: TaskSpec) -> dict[str, int]:
    return {name: len(bounds) for name, bounds in spec.read_ranges.items()}


def _ranges(spec: TaskSpec) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    return {name: (bounds.low, bounds.high) for name, bounds in spec.read_ranges.items()}
