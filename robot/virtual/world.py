"""The world of a virtual arm: things on its table, the truth, faults, time."""

from __future__ import annotations

import os
import pickle
import socket
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


def line_of(port: str) -> str:
    """Where the line of the virtual arm on a port is, such as ``/dev/pts/3``."""
    name = port.strip("/").replace("/", "-")
    return str(Path(tempfile.gettempdir()) / f"beachhead-{os.getuid()}-{name}")


class VirtualWorld:
    """Our end of a virtual arm's line.

    Args:
        port: of the virtual arm.

    Raises:
        FileNotFoundError: if no virtual arm is on that port.
    """

    def __init__(self, port: str) -> None:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(line_of(port))
        except OSError as error:
            line.close()
            raise FileNotFoundError(f"no virtual arm is on {port}") from error
        self._line: Connection[Any, Any] = Connection(line.detach())

    def ask(self, name: str, *arguments: Any) -> Any:
        """Has something done: see ``VirtualArmServer``.

        Raises:
            ConnectionError: if the virtual arm has ended.
            Exception: whatever went wrong there.
        """
        try:
            self._line.send_bytes(pickle.dumps((name, arguments)))
            said = pickle.loads(self._line.recv_bytes())
        except (EOFError, OSError) as error:
            raise ConnectionError("the virtual arm has ended") from error
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        """Leaves the line; the arm goes on."""
        self._line.close()
