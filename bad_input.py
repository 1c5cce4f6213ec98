"""Bad input: one sentence on the terminal, an exit status of 2, nothing written.

What a person can get wrong (a name, a number, a file) is found before the first batch and is
worth a sentence, and so is a run that ended itself. Whatever else fails later, or was not raised on
purpose, is a bug and keeps its traceback.
"""

from __future__ import annotations

import importlib
import inspect
import linecache
import re
import sys
import traceback
from argparse import ArgumentError
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule

from run_folder import LeaveNothingBehind, RunEndedError

ROOT = Path(__file__).parent
NO_PATH = "Expected a dot import path string:"  # of jsonargparse
# Where the classes live that a config can name.
PACKAGES = ("datamodules", "lightning_modules", "lightning_modules.skill", "callbacks")


@contextmanager
def one_sentence(run: LeaveNothingBehind) -> Generator[None, None, None]:
    """Turns an error that its message explains into that message and exit status 2."""
    try:
        yield
    except Exception as error:
        sentence = str(error) if isinstance(error, RunEndedError) else explain(error)
        if sentence is None or (run.started and not isinstance(error, RunEndedError)):
            raise
        sys.stderr.write(f"error: {sentence}\n")
        sys.exit(2)


def explain(error: Exception) -> str | None:
    """The sentence that tells a person what to change, or None for a bug."""
    causes = list(_causes(error))
    for cause in causes:
        if _raised_on_purpose(cause):
            return _in_one_line(str(cause))
    if isinstance(error, ArgumentError):
        return None if _import_failed(causes) else _explain_argument(causes)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {(error.strerror or 'cannot be used').lower()}"
    if isinstance(error, MisconfigurationException) or _refused_by_lightning(error):
        return _in_one_line(str(error))
    return None


def choices(base: type) -> list[str]:
    """Import paths of the classes here that a config can name where ``base`` is expected."""
    found: list[str] = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, base) and not inspect.isabstract(value):
                found.append(f"{package}.{name}")
    return found


def _explain_argument(causes: list[BaseException]) -> str:
    """The core of jsonargparse's report, which lists all it tried over many lines.

    It keeps what went wrong in the innermost cause, and around that which argument it was for.
    """
    texts = [str(cause) for cause in causes]
    if "trainer.logger" in texts[0] and "Not a valid subclass of Logger" in texts[0]:
        return "no logger class is named: a config that only overrides comes after another one"
    if "MUJOCO_GL" in texts[-1]:  # which MuJoCo looks at when it is imported
        return f"{_in_one_line(texts[-1])}; there are egl and osmesa, or leave it unset"
    if "arguments are required: fit.data" in texts[0]:
        return "there is no task and no model; give --config configs/pick_banana/..., for example"
    if isinstance(causes[-1], ImportError | AttributeError) or NO_PATH in texts[-1]:
        base = _expected_class(causes)
        known = choices(base) if base else []
        there_are = f"; there are {', '.join(known)}" if known else ""
        return f"there is no {base.__name__ if base else 'class'} {_named(texts)!r}{there_are}"
    unknown_option = re.search(r"Option '[^']+' is not accepted", texts[-1])
    around = r"given class_path '([^']+)'" if unknown_option else r"Parser key \"([^\"]+)\""
    places = re.findall(around, texts[0])
    # A class that makes another one later is a function here: its report has another form.
    places += re.findall(r"is not accepted\. Got value: \w+\(class_path='([^']+)'", texts[0])
    what = _in_one_line(texts[-1]).replace("<class '", "").replace("'>", "")
    if not places or texts[-1].startswith("Parser key"):
        return what
    if unknown_option:
        what += _accepted(places[-1])
    return f"{places[-1]}: {what}"


def _accepted(class_path: str) -> str:
    """What a class takes, to end the sentence that refused an argument."""
    module, _, name = class_path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    if cls in (LightningDataModule, LightningModule):
        kind = "data" if cls is LightningDataModule else "model"
        return f"; no {kind} class is named: a config that only overrides comes after another one"
    given = ("spec", "action_dim", "horizon", "condition_dim")  # by the task and the learner
    names = [n for n in inspect.signature(cls).parameters if n not in given]
    return f"; there are {', '.join(names)}" if names else ""


def _expected_class(causes: list[BaseException]) -> type | None:
    """The class that a config value had to be: jsonargparse says so only in its own frames."""
    expected: type | None = None
    for cause in causes:
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            hint = frame.f_locals.get("typehint")
            # Optional[Class], Callable[[...], Class] and list[Class] hold it in their arguments.
            for candidate in (hint, *get_args(hint)):
                if inspect.isclass(candidate) and candidate is not type(None):
                    expected = candidate
    return expected


def _named(texts: list[str]) -> str:
    """The name in a config for which there is no class."""
    patterns = (
        r"class_path'?[=:]? ?'([^']+)'",
        re.escape(NO_PATH) + r" (\S+)",
        r"Got value: (\S+)",
    )
    for text in reversed(texts):
        for pattern in patterns:
            if found := re.findall(pattern, text):
                return found[-1]
    return "given"


def _import_failed(causes: list[BaseException]) -> bool:
    """Whether a file that a config names was found and could not be imported: a bug in it."""
    error = causes[-1]
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return False
    named = _named([str(cause) for cause in causes])
    return named.split(".")[0] != error.name.split(".")[0]


def _refused_by_lightning(error: Exception) -> bool:
    """Whether Lightning refused a value that it was given, or two callbacks of one kind."""
    frames = list(traceback.walk_tb(error.__traceback__))
    last = Path(frames[-1][0].f_code.co_filename) if frames else Path()
    return isinstance(error, ValueError | RuntimeError) and "lightning" in last.parts


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, what caused that, ..."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _raised_on_purpose(error: BaseException) -> bool:
    """Whether a ``raise`` statement of this repository raised it to be read by a person."""
    expected = (ValueError, FileNotFoundError, ImportError, RuntimeError, TypeError)
    if not isinstance(error, expected):
        return False
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return False
    frame, line = frames[-1]
    path = Path(frame.f_code.co_filename)
    ours = ROOT in path.parents and "site-packages" not in path.parts
    return ours and linecache.getline(str(path), line).lstrip().startswith("raise")


def _in_one_line(message: str) -> str:
    return " ".join(message.split())
