"""The projector: follows the log in batches and keeps every read model at its checkpoint."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from projections.applying import UNWRITABLE, Applier, Waiting, waiting
from projections.definition import Models, ReadModel
from projections.folding import grouped
from projections.models import ALL
from projections.quiet import collecting_seldom
from projections.reading import read_events, read_stream
from streams.follower import LogFollower
from streams.log import Log
from streams.records import Recorded

CHANNEL = "backstory_model"
_LEADER = 0x70726F6A  # "proj"
_FEWEST, _MOST = 1_000, 16_000  # events in a batch
_BEAT = 5.0  # seconds between two signs of life
_NAP = 0.5


class CheckpointMoved(Exception):
    """Another worker has moved a checkpoint that this projector holds; nothing of this batch was written."""


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A batch that is being read while its predecessor is folded."""

    after: int
    until: int
    events: "Future[list[Recorded]]"


class Projector:
    """Keeps read models at the head of the log. One at a time leads; others stand by until it ends.

    `conninfo` may be of a role that can SET ROLE backstory_app. Each batch is one transaction: the checkpoint's
    compare-and-set first, then the rows; so a batch counts once or not at all.
    """

    def __init__(self, log: Log, conninfo: str, models: Models = ALL, *, batch: int = _MOST) -> None:
        self._log = log
        self._conninfo = conninfo
        self._models = models.models
        self._batch = batch
        self._appliers = {model.name: Applier(model) for model in self._models}
        self._positions: dict[str, int] = {}
        self._limit = min(_FEWEST, batch)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set. Raises CheckpointMoved, or whatever a batch raised: the caller restarts."""
        follower = LogFollower(self._log)
        try:
            with self._connection() as connection, _reader() as reader:
                while not stop.is_set() and not _lead(connection):
                    stop.wait(_NAP)
                while not stop.is_set():
                    self._take_up(connection)
                    self._follow(connection, reader, until=None, stop=stop)
                    self._rest(follower, stop)
        finally:
            follower.close()

    def _rest(self, follower: LogFollower, stop: threading.Event) -> None:
        """Wait for more events, a beat at most, or until `stop` is set."""
        lowest = min(self._positions.values(), default=2**62)
        until = time.monotonic() + _BEAT
        while not stop.is_set() and time.monotonic() < until and not follower.wait(lowest, _NAP):
            continue

    def catch_up(self, timeout: float = 3600.0) -> int:
        """Bring every read model to the head as it is now and return that position.

        Where another projector leads, wait for it. Raises TimeoutError after `timeout` seconds.
        """
        head = self._log.head()
        deadline = time.monotonic() + timeout
        with self._connection() as connection, _reader() as reader:
            while not _lead(connection):
                self._take_up(connection)
                if min(self._positions.values(), default=head) >= head:
                    return head
                if time.monotonic() > deadline:
                    raise TimeoutError(f"read models did not reach position {head} in {timeout} s")
                time.sleep(_NAP / 10)
            self._take_up(connection)
            self._follow(connection, reader, until=head, stop=threading.Event())
        return head

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        with projecting(self._conninfo) as connection:
            yield connection

    def _take_up(self, connection: psycopg.Connection) -> None:
        """Learn where each model is that this code can continue, and give a sign of life."""
        with connection.transaction():
            rows = connection.execute(
                "UPDATE model.checkpoints SET heartbeat_at = clock_timestamp() WHERE state = 'following' "
                "RETURNING name, version, position"
            ).fetchall()
        ours = {(model.name, model.version) for model in self._models}
        self._positions = {name: position for name, version, position in rows if (name, version) in ours}

    def _follow(
        self,
        connection: psycopg.Connection,
        reader: ThreadPoolExecutor,
        *,
        until: int | None,
        stop: threading.Event,
    ) -> None:
        """Apply batch after batch up to `until`, or until the log has no more; the next is read meanwhile."""
        ahead: _Ahead | None = None
        while self._positions and not stop.is_set():
            after, ceiling, members = self._next(until)
            if ahead is None or ahead.after != after or ahead.until > ceiling:
                ahead = self._read(reader, after, ceiling)
            batch = ahead
            events = batch.events.result()
            if not events:
                return
            reached = events[-1].position
            ahead = self._read(reader, reached, ceiling) if len(events) == batch.until - after else None
            began = time.monotonic()
            self._apply(connection, members, events, after, reached)
            self._adapt(len(events), time.monotonic() - began)

    def _next(self, until: int | None) -> tuple[int, int, list[ReadModel]]:
        """Return where the models that are furthest behind stand, how far they may go together, and which they are."""
        lowest = min(self._positions.values())
        members = [model for model in self._models if self._positions.get(model.name) == lowest]
        others = [position for position in self._positions.values() if position > lowest]
        ceilings = [*others, *([] if until is None else [until])]
        return lowest, min(ceilings, default=2**62), members

    def _read(self, reader: ThreadPoolExecutor, after: int, ceiling: int) -> _Ahead:
        until = min(after + self._limit, ceiling)
        return _Ahead(after, until, reader.submit(read_events, self._log, after, until))

    def _apply(
        self,
        connection: psycopg.Connection,
        members: Sequence[ReadModel],
        events: Sequence[Recorded],
        after: int,
        reached: int,
    ) -> None:
        try:
            self._transact(connection, members, events, after, reached, careful=False)
        except UNWRITABLE:
            self._transact(connection, members, events, after, reached, careful=True)
        for model in members:
            self._positions[model.name] = reached

    def _transact(
        self,
        connection: psycopg.Connection,
        members: Sequence[ReadModel],
        events: Sequence[Recorded],
        after: int,
        reached: int,
        *,
        careful: bool,
    ) -> None:
        def history(tenant: str, stream: str) -> list[Recorded]:
            return read_stream(self._log, tenant, stream, reached)

        with connection.transaction():
            move(connection, members, after, reached, self._worker)
            left = waiting(connection, members)
            for model in members:
                applier = self._appliers[model.name]
                apply = applier.apply_carefully if careful else applier.apply
                if groups := grouped(model, events):
                    apply(connection, groups, history, left.get(model.name, Waiting()))

    def _adapt(self, events: int, seconds: float) -> None:
        """Grow batches while they are full and quick, shrink them when they take long."""
        if seconds > 1.0:
            self._limit = max(_FEWEST, self._limit // 2)
        elif events >= self._limit and self._limit < self._batch:
            self._limit = min(self._batch, self._limit * 2)


def move(
    connection: psycopg.Connection, models: Sequence[ReadModel], after: int, reached: int, worker: str
) -> None:
    """Move the checkpoints of these models, if they still stand at `after`, and tell those who wait.

    The rows stay locked until the transaction ends: a swap of tables waits for it. Raises CheckpointMoved.
    """
    names = [model.name for model in models]
    moved = connection.execute(
        "UPDATE model.checkpoints c SET position = %s, heartbeat_at = clock_timestamp(), worker = %s "
        "FROM unnest(%s::text[], %s::int[]) AS m (name, version) "
        "WHERE c.name = m.name AND c.version = m.version AND c.state = 'following' AND c.position = %s",
        (reached, worker, names, [model.version for model in models], after),
    )
    if moved.rowcount != len(names):
        raise CheckpointMoved(f"another worker has moved one of {', '.join(names)} from {after}")
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(reached)))


@contextmanager
def projecting(conninfo: str) -> Iterator[psycopg.Connection]:
    """Lend a connection of the application's role, set up for folding: every look-up goes through a key."""
    with collecting_seldom(), psycopg.connect(conninfo, autocommit=True) as connection:
        for setting in (
            "ROLE backstory_app",
            "TIME ZONE 'UTC'",
            "synchronous_commit = off",  # a lost batch is folded again: its checkpoint is lost with it
            "enable_hashjoin = off",
            "enable_mergejoin = off",
            "enable_seqscan = off",
        ):
            connection.execute(f"SET {setting}".encode())
        yield connection


def _lead(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LEADER,)).fetchone()
    return row == (True,)


def _reader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
