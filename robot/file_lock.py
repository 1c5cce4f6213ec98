"""A lock between processes that the system releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path


@contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Generator[TextIOWrapper]:
    """Holds the lock of a file, which is made if there is none.

    Yields:
        The file, open for reading and writing.

    Raises:
        BlockingIOError: if another process holds it and ``wait`` is false.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file
