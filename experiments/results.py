"""What every experiment does with its numbers: keep them, say where they come from, show them.

``docs/results/<name>/results.json`` is a list of flat objects, one a run, each with ``task``,
``method``, ``seed`` and ``command``. Documents take their numbers from there.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = ("task", "method", "seed")
# Of the rows of all studies of the curriculum, which share a file.
CURRICULUM_IDENTITY = (*IDENTITY, "study", "demonstrations", "epochs")
PHI_SETS = ("point", "near", "wide", "table")

Row = dict[str, Any]


def results_file(name: str) -> Path:
    """Where the results of a study are."""
    return ROOT / "docs" / "results" / name / "results.json"


def read_rows(path: Path) -> list[Row]:
    """The runs in a results file; none if there is no file."""
    return json.loads(path.read_text()) if path.is_file() else []


def write_rows(path: Path, rows: Sequence[Row], identity: Sequence[str] = IDENTITY) -> None:
    """Adds runs to a results file, each in place of all earlier rows of the same identity.

    A run may have several rows. A reader sees the old file or the new one, and writers wait for
    each other.

    Args:
        path: the file; its folder is made if there is none.
        rows: flat objects.
        identity: keys that tell runs apart.

    Raises:
        ValueError: if a row lacks ``task``, ``method``, ``seed`` or ``command``, or is not flat.
    """
    for row in rows:
        if missing := [key for key in (*IDENTITY, "command") if key not in row]:
            raise ValueError(f"a result lacks {', '.join(missing)}; it has {', '.join(row)}")
        if nested := [key for key, value in row.items() if isinstance(value, dict | list)]:
            raise ValueError(f"results are flat, {nested[0]!r} is not")

    def identify(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(key) for key in identity)

    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        runs: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in read_rows(path):
            runs[identify(row)].append(row)
        for run in dict.fromkeys(identify(row) for row in rows):
            runs[run] = [row for row in rows if identify(row) == run]
        merged = [row for run in runs.values() for row in run]
        replace_text(path, json.dumps(merged, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Writes a whole file or, if anything fails, nothing."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def replace_between(document: Path, name: str, text: str) -> None:
    """Puts ``text`` between the lines ``<!-- name -->`` and ``<!-- /name -->`` of a document.

    Raises:
        ValueError: if the document lacks the markers.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    content = document.read_text()
    if start not in content or end not in content:
        raise ValueError(f"{document} lacks the markers {start} and {end}")
    before, _, rest = content.partition(start)
    _, _, after = rest.partition(end)
    replace_text(document, f"{before}{start}\n{text.rstrip()}\n{end}{after}")


def interval(row: Row, phi_set: str) -> str:
    """Success on a phi set with its Wilson interval."""
    key = f"success/{phi_set}"
    return f"{row[key]:.3f} ({row[key + '/lo']:.3f} to {row[key + '/hi']:.3f})"


def machine() -> Row:
    """What a run was measured on, as flat keys."""
    versions = {f"machine/{name}": version(name) for name in ("torch", "mujoco", "lightning")}
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return {
        "commit": subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip(),
        "machine/cpu": _cpu_model(),
        "machine/cores": len(os.sched_getaffinity(0)),
        "machine/python": platform.python_version(),
        **versions,
    }


def command() -> str:
    """The command this process was started with, as it would be typed in the repository."""
    script = Path(sys.argv[0]).resolve()
    name = script.relative_to(ROOT) if script.is_relative_to(ROOT) else script
    return shlex.join(["python", str(name), *sys.argv[1:]])


class Stopwatch:
    """Seconds since it was made: ``wall_s``, and ``cpu_s`` of this process."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Row:
        """Both, under the names that results use."""
        return {
            "wall_s": round(time.perf_counter() - self._wall, 1),
            "cpu_s": round(time.process_time() - self._cpu, 1),
        }


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Holds the folder's lock, which the system releases when its holder dies."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _cpu_model() -> str:
    """As the kernel names it; the architecture where it doesn't."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
