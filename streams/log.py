"""The log: append, read, follow. PostgreSQL decides; positions are gapless and in commit order."""

import itertools
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import msgspec
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.event import Event, stored_as
from domain.record import PersonalDataErased
from streams.codec import Codec
from streams.committer import Committer
from streams.errors import LogRefusal, UnknownEventType, UnreadableEvent
from streams.keyring import Keyring
from streams.records import Append, Appended, Change, Claim, Recorded, Unreadable
from streams.ticket import Place, Ticket

COLUMNS = (
    "position, tenant, stream, version, type, customer_id, recorded_at, actor, source, data::text, "
    "event_id::text, partition, command_id, correlation_id, causation_id"
)
LEAN_COLUMNS = "position, tenant, stream, version, type, customer_id, recorded_at, actor, source, data::text"
_LEAN = 10
_ERASED = stored_as(PersonalDataErased).name


def subject_of(stream: str, customer_id: str | None) -> str:
    """Return whose key seals the personal fields of this stream: its customer's, or its own without one."""
    return f"customer-{customer_id}" if customer_id else stream


class Log:
    """One log in one database, for all tenants.

    `conninfo` names the database and may be of a role that can SET ROLE backstory_app; `master_key` is 32 bytes.
    Raises WrongMasterKey where the log was begun with another key.
    """

    def __init__(self, conninfo: str, master_key: bytes, *, connections: int = 8) -> None:
        self.conninfo = conninfo
        self.master_key = master_key
        self._pool = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=connections,
            kwargs={"autocommit": True},
            configure=_as_app,
            name="log",
            open=True,
        )
        try:
            self.keyring = Keyring(self._pool, master_key)
            self.partitions = self._partitions()
        except BaseException:
            self._pool.close()
            raise
        self.codec = Codec(self.keyring)
        self.committer = Committer(self._pool)
        self.numbers = itertools.count()

    def _partitions(self) -> int:
        with self._pool.connection() as connection:
            row = connection.execute("SELECT partitions FROM log.head").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Commit what is under way and give back every connection."""
        self.committer.close()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, append: Append) -> Appended:
        """Record one request durably and return its place; concurrent calls share one commit.

        Raises WrongExpectedVersion, ClaimTaken, CommandReused or OutcomeUnknown; then nothing was recorded (after
        OutcomeUnknown: perhaps; ask again with the same command).
        """
        try:
            return self.committer.append(self._ticket(append))
        finally:
            self._drop_destroyed([append])

    def append_many(self, appends: Sequence[Append]) -> list[Appended | LogRefusal]:
        """Record many requests in as few commits as their streams allow; each is answered or refused by itself."""
        self.keyring.ensure(
            (append.tenant, subject_of(change.stream, change.customer_id))
            for append in appends
            for change in append.changes
            if any(self.codec.seals(type(event)) for event in change.events)
        )
        try:
            return self.committer.append_all([self._ticket(append) for append in appends])
        finally:
            self._drop_destroyed(appends)

    def _drop_destroyed(self, appends: Sequence[Append]) -> None:
        for append in appends:
            for subject in append.destroy:
                self.keyring.drop(append.tenant, subject)

    def partition_of(self, tenant: str, routing_key: str) -> int:
        """Return the partition of a routing key, the same everywhere and for ever."""
        return zlib.crc32(f"{tenant}\x1f{routing_key}".encode()) % self.partitions

    def _ticket(self, append: Append) -> Ticket:
        number = next(self.numbers)
        tenant, asked = append.tenant, append.asked
        first = append.changes[0] if append.changes else None
        ticket = Ticket(
            number=number,
            version=first.expected + len(first.events) if first else 0,
            answer=asked.answer if asked else {},
        )
        for change in append.changes:
            self._add_events(append, change, ticket)
        if append.claims or append.releases or append.release_streams:
            self._add_claims(append, ticket)
        if append.destroy:
            ticket.parts["destroy"] = _each([tenant, subject] for subject in append.destroy)
        if append.reopen:
            ticket.parts["reopen"] = _each([tenant, reopened] for reopened in append.reopen)
        if asked is not None:
            ticket.alone.add((tenant, "", asked.command_id))
            ticket.command_id = asked.command_id
            ticket.fingerprint = asked.fingerprint.hex()
            answer = {"version": ticket.version, "answer": asked.answer}
            ticket.command = encode(
                [number, tenant, asked.command_id, ticket.fingerprint, answer, ticket.events]
            )
        return ticket

    def _add_events(self, append: Append, change: Change, ticket: Ticket) -> None:
        tenant, stream, customer_id = append.tenant, change.stream, change.customer_id
        subject = subject_of(stream, customer_id)
        partition = change.partition
        if partition is None:
            partition = self.partition_of(tenant, subject)
        command_id = append.asked.command_id if append.asked else None
        version = change.expected
        rows = []
        for event in change.events:
            version += 1
            name, data = self.codec.encode(tenant, subject, event)
            event_id = new_event_id()
            if ticket.proof is None:
                ticket.proof = (tenant, stream, version, event_id)
            rows.append(
                (
                    tenant,
                    stream,
                    version,
                    name,
                    event_id,
                    customer_id,
                    partition,
                    event.occurred_at,
                    append.actor,
                    append.source,
                    command_id,
                    append.correlation_id,
                    append.causation_id,
                    msgspec.Raw(data),
                )
            )
        check = encode((ticket.number, tenant, stream, change.expected))
        ticket.streams[tenant, stream] = Place(change.expected, version, check)
        ticket.events += len(rows)
        if rows:
            ticket.add("events", encode(rows)[1:-1])

    def _add_claims(self, append: Append, ticket: Ticket) -> None:
        tenant = append.tenant

        def digest(claim: Claim) -> str:
            found = self.keyring.digest(tenant, claim.kind, claim.value).hex()
            ticket.alone.add((tenant, claim.kind, found))
            return found

        if append.claims:
            ticket.parts["claims"] = _each(
                [ticket.number, tenant, claim.kind, digest(claim), claim.stream] for claim in append.claims
            )
        releases: list[list[str | None]] = [
            [tenant, claim.stream, claim.kind, digest(claim)] for claim in append.releases
        ]
        releases += [[tenant, stream, None, None] for stream in append.release_streams]
        if releases:
            ticket.parts["releases"] = _each(releases)

    # -- reading ------------------------------------------------------------------------------------------------

    def head(self) -> int:
        """Return the position of the newest event, 0 for an empty log."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT position FROM log.head").fetchone()
        return int(row[0]) if row else 0

    def stream(self, tenant: str, stream: str) -> list[Recorded]:
        """Return every event of one stream in its order; empty where there is none."""
        return self.streams(tenant, [stream])[stream]

    def streams(self, tenant: str, streams: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the events of several streams of a tenant, each in its order, in one query."""
        found: dict[str, list[Recorded]] = {stream: [] for stream in streams}
        with self._pool.connection() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM log.events WHERE tenant = %s AND stream = ANY(%s) "
                "ORDER BY stream, version",
                (tenant, list(found)),
            ).fetchall()
        for recorded in self.decode(rows):
            found[recorded.stream].append(recorded)
        return found

    def read(self, after: int, limit: int, *, until: int = 2**62, strict: bool = True) -> list[Recorded]:
        """Return up to `limit` events with a position above `after` and not above `until`, in log order."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM log.events WHERE position > %s AND position <= %s ORDER BY position LIMIT %s",
                (after, until, limit),
            ).fetchall()
        return list(self.decode(rows, strict=strict))

    def decode(self, rows: Sequence[Sequence[Any]], *, strict: bool = True) -> Iterator[Recorded]:
        """Turn rows of COLUMNS or LEAN_COLUMNS into events; the keys they need are fetched in one query.

        Raises UnreadableEvent or UnknownEventType; not `strict`, such an event comes as Unreadable.
        """
        codec = self.codec
        for row in rows:
            if row[4] == _ERASED:
                codec.forget(row[1], row[2], row[5])
        self.keyring.load(
            {pair for row in rows if (pair := codec.subject(row[1], row[4], row[9])) is not None}
        )
        for row in rows:
            yield recorded_from(row, codec, strict=strict)

    def holder(self, tenant: str, kind: str, value: str) -> str | None:
        """Return the stream that holds a claim, or None."""
        return self.holders(tenant, [(kind, value)]).get((kind, value))

    def holders(self, tenant: str, values: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the holding stream of each (kind, value) that is claimed, in one query."""
        by_digest = {
            (kind, self.keyring.digest(tenant, kind, value)): (kind, value) for kind, value in values
        }
        if not by_digest:
            return {}
        kinds, digests = zip(*by_digest, strict=True)
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT k.kind, k.digest, k.stream FROM unnest(%s::text[], %s::bytea[]) AS q (kind, digest) "
                "JOIN log.claims k ON k.tenant = %s AND k.kind = q.kind AND k.digest = q.digest",
                (list(kinds), list(digests), tenant),
            ).fetchall()
        return {by_digest[kind, digest]: stream for kind, digest, stream in rows}

    def answered(self, tenant: str, command_ids: Sequence[str]) -> dict[str, tuple[bytes, Appended]]:
        """Return the fingerprint and first answer of each of these commands that was answered before."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT command_id, fingerprint, answer, position, events FROM log.commands "
                "WHERE tenant = %s AND command_id = ANY(%s)",
                (tenant, list(command_ids)),
            ).fetchall()
        return {
            command_id: (
                fingerprint,
                Appended(
                    position=position,
                    version=answer["version"],
                    events=events,
                    answer=answer["answer"],
                    repeated=True,
                ),
            )
            for command_id, fingerprint, answer, position, events in rows
        }

    def streams_of_customer(self, tenant: str, customer_id: str) -> list[str]:
        """Return every stream with an event of this customer, in order of their names."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT stream FROM log.events WHERE tenant = %s AND customer_id = %s ORDER BY stream",
                (tenant, customer_id),
            ).fetchall()
        return [stream for (stream,) in rows]

    def recorded_by(self, tenant: str, correlation_id: str) -> dict[str, tuple[list[int], set[str]]]:
        """Return, by stream, the versions recorded under a correlation id and the commands that asked for them."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT stream, array_agg(version ORDER BY version), array_agg(DISTINCT command_id) "
                "FROM log.events WHERE tenant = %s AND correlation_id = %s GROUP BY stream ORDER BY stream",
                (tenant, correlation_id),
            ).fetchall()
        return {stream: (versions, {one for one in ids if one}) for stream, versions, ids in rows}

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection of the application's role, in autocommit."""
        with self._pool.connection() as connection:
            yield connection


encode = msgspec.json.encode


def _each(rows: Iterable[Sequence[object]]) -> bytes:
    return b",".join(encode(row) for row in rows)


def new_event_id() -> str:
    """Return a random (version 4) UUID as 32 hex digits, at a quarter of the price of uuid4."""
    digits = os.urandom(16).hex()
    return f"{digits[:12]}4{digits[13:16]}a{digits[17:]}"


def _as_app(connection: Connection) -> None:
    connection.execute("SET ROLE backstory_app")
    connection.execute("SET TIME ZONE 'UTC'")


def recorded_from(row: Sequence[Any], codec: Codec, *, strict: bool = True) -> Recorded:
    """Turn one row of the log's columns into an event; not `strict`, an unreadable one becomes Unreadable."""
    event: Event
    try:
        event = codec.decode(row[1], row[4], row[9])
    except (UnknownEventType, UnreadableEvent) as cause:
        if strict:
            raise
        event = Unreadable(occurred_at=row[6], why=str(cause))
    if len(row) == _LEAN:
        return Recorded(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], event)
    return Recorded(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], event, *row[10:])
