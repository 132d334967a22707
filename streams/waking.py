"""Waiting for a position to be passed, woken by a notification of the database."""

import time
from collections.abc import Callable

import psycopg

_NAP = 1.0  # seconds between two looks when no wake-up comes


class Waker:
    """Listens on one channel of a database, on a connection of its own that is opened when first needed."""

    def __init__(self, conninfo: str, channel: str) -> None:
        self._conninfo = conninfo
        self._channel = channel
        self._connection: psycopg.Connection | None = None

    def wait(self, position: Callable[[], int], after: int, timeout: float) -> bool:
        """Wait until `position` gives more than `after`; False when `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        connection = self._listening()
        while position() <= after:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for _ in connection.notifies(timeout=min(left, _NAP), stop_after=1):
                pass
        return True

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listening(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
            self._connection.execute(f"LISTEN {self._channel}".encode())
        return self._connection
