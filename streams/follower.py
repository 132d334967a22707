"""Following the log: what a reader asks of whatever carries it, and the log itself as the plainest of those."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from streams.log import Log
from streams.reading import read_events
from streams.records import Recorded
from streams.waking import Waker


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
        self._waker = Waker(log.conninfo, "backstory_log")

    def read(self, after: int, until: int, partitions: Sequence[int]) -> Read:
        """Read as Follower says: every event up to the log's head can be seen."""
        every = len(partitions) == self._log.partitions
        reached = max(after, min(until, self._log.head()))
        return Read(reached, read_events(self._log, after, reached, None if every else partitions))

    def wait(self, after: int, timeout: float) -> bool:
        """Wait as Follower says."""
        return self._waker.wait(self._log.head, after, timeout)

    def close(self) -> None:
        """Stop listening."""
        self._waker.close()
