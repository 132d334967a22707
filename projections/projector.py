"""The projector: follows the log in batches and keeps every read model at its checkpoint."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from projections.checkpoints import CheckpointMoved, projecting
from projections.definition import Models
from projections.line import Hands, Line
from projections.models import ALL
from projections.sharing import Share
from streams.follower import Follower, LogFollower
from streams.log import Log

__all__ = ["CheckpointMoved", "Projector"]

_MOST = 24_000  # events in a batch: the larger, the fewer rows are written more than once
_BEAT = 5.0  # seconds between two signs of life
_LOOK = 0.25  # seconds between two looks whether to stop
_NAP = 0.05  # seconds between two looks for a partition to take


class Projector:
    """Keeps read models at the head of the log. Those that run at the same time share its partitions evenly.

    `conninfo` may be of a role that can SET ROLE backstory_app. Each batch is one transaction: the checkpoint's
    compare-and-set first, then the rows; so a batch counts once or not at all. `open_follower` says what carries the
    log. While a batch is written the next is
    folded, on its rows, and the one after that is read.
    """

    def __init__(
        self,
        log: Log,
        conninfo: str,
        models: Models = ALL,
        *,
        batch: int = _MOST,
        open_follower: Callable[[Log], Follower] = LogFollower,
    ) -> None:
        self._log = log
        self._open_follower = open_follower
        self._conninfo = conninfo
        self._models = models.models
        self._batch = batch

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set.

        Raises CheckpointMoved, or whatever a batch raised: whoever supervises begins again.
        """

        def over() -> bool:
            return stop.is_set() or share.changed()

        with closing(self._open_follower(self._log)) as follower, self._line(follower) as (line, share):
            share.join()
            while not stop.is_set():
                share.take()
                if share.held:
                    self._rest(follower, share, line.follow(share.held, None, over), stop)
                else:
                    stop.wait(_NAP)

    @staticmethod
    def _rest(follower: Follower, share: Share, reached: int, stop: threading.Event) -> None:
        """Wait for more events, for a beat at most, or until others come or go, or `stop` is set."""
        until = time.monotonic() + _BEAT
        while not stop.is_set() and time.monotonic() < until and not follower.wait(reached, _LOOK):
            if share.take():
                return

    def catch_up(self, timeout: float = 3600.0) -> int:
        """Bring every read model to the head as it is now and return that position.

        Where other projectors hold partitions, wait for them. Raises TimeoutError after `timeout` seconds.
        """
        head = self._log.head()
        deadline = time.monotonic() + timeout
        with closing(LogFollower(self._log)) as follower, self._line(follower) as (line, share):
            while True:
                share.take_free()
                reached = line.follow(share.held, head, lambda: False) if share.held else head
                if line.lowest() >= head:
                    return head
                if time.monotonic() > deadline:
                    raise TimeoutError(f"read models did not reach position {head} in {timeout} s")
                if reached >= head:
                    time.sleep(_NAP)

    @contextmanager
    def _line(self, follower: Follower) -> Iterator[tuple[Line, Share]]:
        with (
            projecting(self._conninfo) as writing,
            projecting(self._conninfo) as loading,
            ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader,
            ThreadPoolExecutor(1, thread_name_prefix="write-behind") as writer,
        ):
            line = Line(
                self._log, follower, self._models, self._batch, Hands(writing, loading, reader, writer)
            )
            yield line, Share(loading, self._log.partitions)
