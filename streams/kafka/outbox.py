"""The relay's side of PostgreSQL: the lease, what is to be published, and how far that has come."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import psycopg

from streams.kafka.record import Envelope
from streams.sessions import end_with_the_machine

LEASE = 0x72656C61  # "rela"
"""The advisory lock of the relay that leads."""

_MOST_BYTES = 4 * 2**20  # of events read at once
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
_READ = f"""
SELECT position, tenant, stream, version, type, event_id, partition, occurred, recorded, actor, source, data,
       customer_id, command_id, correlation_id, causation_id, answered, effects, milliseconds
FROM (
    SELECT e.position, e.tenant, e.stream, e.version, e.type, e.event_id::text, e.partition,
           to_char(e.occurred_at AT TIME ZONE 'UTC', '{_TIME}') AS occurred,
           to_char(e.recorded_at AT TIME ZONE 'UTC', '{_TIME}') AS recorded, e.actor, e.source, e.data::text AS data,
           e.customer_id, e.command_id, e.correlation_id, e.causation_id,
           CASE WHEN c.events IS NOT NULL THEN jsonb_build_object('fingerprint', encode(c.fingerprint, 'hex'),
               'answer', c.answer, 'events', c.events)::text END AS answered,
           f.effect::text AS effects,
           floor(extract(epoch FROM e.recorded_at) * 1000)::bigint AS milliseconds,
           sum(pg_column_size(e.data)) OVER (ORDER BY e.position) - pg_column_size(e.data) AS before
    FROM log.events e
    LEFT JOIN log.commands c
        ON c.tenant = e.tenant AND c.command_id = e.command_id AND c.position = e.position
    LEFT JOIN log.effects f ON f.position = e.position
    WHERE e.position > %(after)s::bigint AND e.position <= %(after)s::bigint + %(limit)s::bigint
) AS candidates
WHERE before < {_MOST_BYTES}
ORDER BY position
"""


class Published(NamedTuple):
    """How far the log is published, and the last acknowledged sequence of each partition."""

    position: int
    sequences: Sequence[int]


class KeyChange(NamedTuple):
    """A person's key as it is now (None: destroyed), and which change of it that is."""

    tenant: str
    subject: str
    change: int
    wrapped: bytes | None


class Outbox:
    """One relay's connection to the log. Every method raises psycopg.OperationalError where it breaks."""

    def __init__(self, conninfo: str) -> None:
        self._connection, self._reading = _connect(conninfo), _connect(conninfo)
        self._connection.execute("LISTEN backstory_log")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._reading.close()

    def lead(self) -> bool:
        """Take the lease, which lasts as long as this connection; False where another relay has it."""
        return self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LEASE,)).fetchone() == (True,)

    def partitions(self) -> int:
        """Return how many partitions the log has."""
        return int(self._one("SELECT partitions FROM log.head")[0])

    def published(self) -> Published | None:
        """Return how far a relay has published the log; None before the first."""
        row = self._connection.execute("SELECT position, sequences FROM log.published").fetchone()
        return None if row is None else Published(*row)

    def read(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return the rows of up to `limit` events after a position, for `envelope`; fewer where they are large.

        May be called by another thread, while this one does something else.
        """
        return self._reading.execute(_READ, {"after": after, "limit": limit}).fetchall()

    def recorded(self, positions: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Return the event id and partition at each of these positions that the log has."""
        rows = self._connection.execute(
            "SELECT position, event_id::text, partition FROM log.events WHERE position = ANY(%s)",
            (list(positions),),
        ).fetchall()
        return {position: (event_id, partition) for position, event_id, partition in rows}

    def wait(self, timeout: float) -> None:
        """Wait until something is appended, `timeout` seconds at most."""
        for _ in self._connection.notifies(timeout=timeout, stop_after=1):
            pass

    def progress(self, position: int, sequences: Sequence[int]) -> None:
        """Note that every event up to a position is acknowledged, and wake who waits for that."""
        self._connection.execute(
            """
            WITH told AS (
                INSERT INTO log.published AS p (position, recorded_at, sequences, heartbeat_at)
                SELECT %(position)s, coalesce(
                    (SELECT recorded_at FROM log.events WHERE position = %(position)s), '-infinity'
                ), %(sequences)s, clock_timestamp()
                ON CONFLICT (one) DO UPDATE SET position = excluded.position, recorded_at = excluded.recorded_at,
                    sequences = excluded.sequences, heartbeat_at = excluded.heartbeat_at, trouble = NULL
                RETURNING position
            )
            SELECT pg_notify('backstory_published', position::text) FROM told
            """,
            {"position": position, "sequences": list(sequences)},
        )

    def trouble(self, told: str) -> None:
        """Note why nothing is published at the moment."""
        self._connection.execute(
            "UPDATE log.published SET trouble = %s, heartbeat_at = clock_timestamp()", (told,)
        )

    def keys(self, limit: int) -> list[KeyChange]:
        """Return up to `limit` keys that changed and are not yet published, in the order of their changes."""
        rows = self._connection.execute(
            "SELECT c.tenant, c.subject, c.change, k.wrapped FROM log.key_changes c "
            "JOIN log.keys k USING (tenant, subject) ORDER BY c.change LIMIT %s",
            (limit,),
        ).fetchall()
        return [KeyChange(*row) for row in rows]

    def keys_published(self, changes: Sequence[KeyChange]) -> None:
        """Note that these changes are acknowledged; a key that changed again meanwhile stays to be published."""
        self._connection.execute(
            "DELETE FROM log.key_changes c USING unnest(%s::text[], %s::text[], %s::bigint[]) "
            "AS q (tenant, subject, change) "
            "WHERE (c.tenant, c.subject, c.change) = (q.tenant, q.subject, q.change)",
            (
                [one.tenant for one in changes],
                [one.subject for one in changes],
                [one.change for one in changes],
            ),
        )

    def publish_every_key(self) -> None:
        """Have every key published anew, because the topic has lost them."""
        self._connection.execute(
            "INSERT INTO log.key_changes (tenant, subject) SELECT tenant, subject FROM log.keys ON CONFLICT DO NOTHING"
        )

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self._connection.execute(query.encode()).fetchone()
        if row is None:
            raise psycopg.OperationalError("the log has no head")
        return row


def _connect(conninfo: str) -> psycopg.Connection:
    connection = psycopg.connect(conninfo, autocommit=True)
    end_with_the_machine(connection)
    connection.execute("SET ROLE backstory_app")
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute("SET synchronous_commit = off")  # Kafka has what was noted; a lost note is made anew
    for plan in (
        "seqscan",
        "hashjoin",
        "mergejoin",
    ):  # few rows of a long log: by its indexes, whatever is guessed
        connection.execute(f"SET enable_{plan} = off".encode())
    return connection


def envelope(row: Sequence[Any], sequence: int) -> Envelope:
    """Return the event of a row of `Outbox.read`, with its place in its partition."""
    return Envelope(*[*row[:12], sequence, *row[12:18]])
