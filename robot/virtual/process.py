"""A virtual arm in a process of its own, which ends with ours."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator


@contextlib.contextmanager
def virtual_arm(*words: str) -> Generator[str]:
    """Its port.

    Args:
        words: arguments of ``python -m robot virtual``.

    Raises:
        ValueError: if it does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "robot", "virtual", "--attached", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us, who park the arm before it ends
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise ValueError(f"no virtual arm starts with {' '.join(words)}")
        yield port
    finally:
        process.terminate()
        process.wait()
