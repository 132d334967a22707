"""Following the log: batches in log order, woken by the append itself."""

import time

import psycopg

from streams.log import Log
from streams.records import Recorded

_NAP = 1.0  # seconds between two looks when no wake-up comes


class LogFollower:
    """Reads the log from a position on, and waits for more."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._connection: psycopg.Connection | None = None

    def read(self, after: int, limit: int) -> list[Recorded]:
        """Return up to `limit` events after a position, unreadable ones as Unreadable; empty at the head."""
        return self._log.read(after, limit, strict=False)

    def wait(self, after: int, timeout: float) -> bool:
        """Wait until the log has an event after this position; False when `timeout` seconds pass first."""
        deadline = time.monotonic() + timeout
        connection = self._listening()
        while self._log.head() <= after:
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
            self._connection = psycopg.connect(self._log.conninfo, autocommit=True)
            self._connection.execute("LISTEN backstory_log")
        return self._connection
