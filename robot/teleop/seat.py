"""Who drives: one at a time, all others look on."""

from __future__ import annotations


class Seat:
    """The driver's place.

    Attributes:
        client: who drives; None if nobody does.
    """

    def __init__(self) -> None:
        self.client: str | None = None

    @property
    def taken(self) -> bool:
        """Whether somebody drives."""
        return self.client is not None

    def take(self, client: str) -> bool:
        """Sits down, if nobody does; whether this client drives now."""
        if self.client is None:
            self.client = client
        return self.of(client)

    def leave(self, client: str) -> bool:
        """Gets up; whether this client had driven."""
        if not self.of(client):
            return False
        self.client = None
        return True

    def of(self, client: str) -> bool:
        """Whether this client drives."""
        return client == self.client
