"""How far each job has followed the log, what the log has told since, and who asks for what follows from it."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from commands.command import Context
from streams.log import Log
from streams.waking import Waker

_MOST = 1_000  # positions that are taken in at once
_LOOK = 1.0  # seconds between two looks where the log tells nothing
_IDLE = "SELECT FROM log.jobs j JOIN log.head h ON h.position = j.position WHERE j.name = %s"


class Told(NamedTuple):
    """An event of the log, without what it says."""

    position: int
    tenant: str
    stream: str
    event_id: str
    occurred_at: datetime
    recorded_at: datetime
    correlation_id: str | None


Take = Callable[[psycopg.Connection[Any], Sequence[Told]], object]
"""Does with events what a job does; what it writes on the connection is committed with how far the job has come."""


def because_of(event_id: str, tenant: str, does: str, correlation_id: str | None) -> Context:
    """Return the context of what is asked because of an event: its command id, of the event, makes it happen once."""
    return Context(
        tenant=tenant,
        actor="backstory",
        source="app",
        now=datetime.now(UTC),
        command_id=f"{does}-{event_id}",
        correlation_id=correlation_id,
        causation_id=event_id,
    )


def take_in(log: Log, job: str, type_: str, take: Take, *, from_head: bool = False) -> bool:
    """Give a job the next events of a type; return whether there are more.

    One process at a time does so: where another is at it, nothing is done. A job that never ran begins with the first
    event, or, `from_head`, with those that are recorded from now on.
    """
    with log.connection() as connection:
        if connection.execute(_IDLE, (job,)).fetchone():
            return False
    with log.connection() as connection, connection.transaction():
        after = _position(connection, job, from_head=from_head)
        if after is None:
            return False
        row = connection.execute("SELECT position FROM log.head").fetchone()
        head = int(row[0]) if row else 0
        until = min(head, after + _MOST)
        if until == after:
            return False
        rows = connection.execute(
            "SELECT position, tenant, stream, event_id::text, occurred_at, recorded_at, correlation_id "
            "FROM log.events WHERE position > %s AND position <= %s AND type = %s ORDER BY position",
            (after, until, type_),
        ).fetchall()
        take(connection, [Told(*row) for row in rows])
        connection.execute("UPDATE log.jobs SET position = %s WHERE name = %s", (until, job))
        return until < head


def untaken(connection: psycopg.Connection[Any], job: str, type_: str, since: timedelta) -> int:
    """Return how many events of a type were recorded so long ago and are not taken in by a job that was begun."""
    row = connection.execute(
        "SELECT count(*) FROM log.jobs j JOIN log.events e ON e.position > j.position "
        "WHERE j.name = %s AND e.type = %s AND e.recorded_at < clock_timestamp() - %s",
        (job, type_, since),
    ).fetchone()
    return int(row[0]) if row else 0


def follow(log: Log, look: Callable[[], bool], stop: threading.Event) -> None:
    """Let a job look whenever the log has grown, and every second, until `stop` is set. Raises what the job raises."""
    with closing(Waker(log.conninfo, "backstory_log")) as waker:
        while not stop.is_set():
            head = log.head()
            if not look():
                waker.wait(log.head, head, _LOOK)


def _position(connection: psycopg.Connection[Any], job: str, *, from_head: bool) -> int | None:
    """Return how far the job has come, which this transaction alone may change; None where another has it."""
    asked = "SELECT position FROM log.jobs WHERE name = %s FOR UPDATE SKIP LOCKED"
    row = connection.execute(asked, (job,)).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO log.jobs (name, position) SELECT %s, CASE WHEN %s THEN position ELSE 0 END FROM log.head "
            "WHERE NOT EXISTS (SELECT FROM log.jobs WHERE name = %s) ON CONFLICT DO NOTHING",
            (job, from_head, job),
        )
        row = connection.execute(asked, (job,)).fetchone()
    return None if row is None else int(row[0])
