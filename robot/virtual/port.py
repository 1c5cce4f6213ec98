"""A pseudo-terminal that serial software opens as it opens a USB adapter."""

from __future__ import annotations

import os
import pty
import select
import tty
from collections.abc import Callable

MOST = 4096  # bytes read at once


class VirtualPort:
    """A port whose other end is a function: bytes in, bytes out.

    Attributes:
        path: to open, such as ``/dev/pts/3``.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)  # no echo, no lines
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)

    def fileno(self) -> int:
        """For those who wait for something to come."""
        return self._ours

    def serve(self, answer: Callable[[bytes], bytes], seconds: float) -> bool:
        """Answers what comes within so long; returns after the first.

        Args:
            answer: to all that has come.
            seconds: to wait for something.

        Returns:
            Whether anything came.
        """
        ready, _, _ = select.select([self._ours], [], [], max(0.0, seconds))
        if not ready:
            return False
        self.send(answer(os.read(self._ours, MOST)))
        return True

    def send(self, data: bytes) -> None:
        """Puts bytes on the wire; what nobody reads is lost when the buffer is full."""
        while data:
            try:
                data = data[os.write(self._ours, data) :]
            except BlockingIOError:
                return

    def close(self) -> None:
        """As if the cable were pulled: whoever has it open finds that it is gone."""
        for descriptor in (self._ours, self._theirs):
            os.close(descriptor)
