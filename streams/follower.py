"""Following the log: what a reader asks of whatever carries it, and the log itself as the plainest of those."""

import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import psycopg

from streams.log import Log
from streams.reading import read_events
from streams.records import Recorded

_NAP = 1.0  # seconds between two looks when no wake-up comes


class Read(NamedTuple):
    """Every event of the partitions asked for, in log order, from where the reader was to the position `reached`."""

    reached: int
    events: Sequence[Recorded]


class Follower(Protocol):
    """Reads the log's events from a position on, wherever they are carried to, and waits for more."""

    def read(self, after: int, until: int, partitions: Sequence[int]) -> Read:
        """Return every event of these partitions after a position, up to `until` or as far as there are any.

        Unreadable ones come as Unreadable. `reached` is `after` where there is nothing new.
        """

    def wait(self, after: int, timeout: float) -> bool:
        """Wait until there is an event after this position; False when `timeout` seconds pass first."""

    def close(self) -> None:
        """Stop following."""


class LogFollower:
    """Follows the log in PostgreSQL, woken by the append itself."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._connection: psycopg.Connection | None = None

    def read(self, after: int, until: int, partitions: Sequence[int]) -> Read:
        """Read as Follower says: every event up to the log's head can be seen."""
        every = len(partitions) == self._log.partitions
        reached = max(after, min(until, self._log.head()))
        return Read(reached, read_events(self._log, after, reached, None if every else partitions))

    def wait(self, after: int, timeout: float) -> bool:
        """Wait as Follower says."""
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
