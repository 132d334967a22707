"""The log: append, read, follow. PostgreSQL decides; positions are gapless and in commit order."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import msgspec
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.event import stored_as
from domain.record import PersonalDataErased
from streams.bounded import Bounded
from streams.codec import Codec
from streams.committer import Committer
from streams.encoder import Encoder
from streams.errors import KeyDestroyed, KeyTaken, LogRefusal, UnknownEventType, UnreadableEvent
from streams.keyring import Keyring, NewKey
from streams.records import Append, Appended, Recorded, Unreadable
from streams.routing import subject_of
from streams.ticket import Ticket

COLUMNS = (
    "position, tenant, stream, version, type, customer_id, recorded_at, actor, source, data::text, "
    "event_id::text, partition, command_id, correlation_id, causation_id"
)
LEAN_COLUMNS = "position, tenant, stream, version, type, customer_id, recorded_at, actor, source, data::text"
_ANSWERED = (
    "SELECT command_id, fingerprint, answer, position, events FROM log.commands "
    "WHERE tenant = %s AND command_id = ANY(%s)"
)
_HOLDERS = (
    "unnest(%s::text[], %s::bytea[]) AS q (kind, digest) CROSS JOIN LATERAL (SELECT stream FROM log.claims k "
    "WHERE k.tenant = %s AND k.kind = q.kind AND k.digest = q.digest LIMIT 1) AS holder"
)
"""Found one by one: a plan that was made while there were few claims would otherwise read all of them for ever."""
_HELD = f"SELECT q.kind, q.digest, holder.stream FROM {_HOLDERS}"
_TOLD = f"SELECT {COLUMNS} FROM log.events WHERE tenant = %s AND stream = ANY(%s) ORDER BY stream, version"
_TOLD_WITH_HOLDERS = (
    f"SELECT {COLUMNS} FROM log.events WHERE tenant = %s AND stream = ANY(%s || ARRAY("
    f"SELECT holder.stream FROM {_HOLDERS})) ORDER BY stream, version"
)
_LENT = 30.0  # seconds in which a connection is lent where nothing else is said
_ERASED = stored_as(PersonalDataErased).name


@dataclass(frozen=True, slots=True)
class Look:
    """What a log has about what was asked of `Log.look`."""

    events: dict[str, list[Recorded]]
    holders: dict[tuple[str, str], str]
    answered: dict[str, tuple[bytes, Appended]]


class Log:
    """One log in one database, for all tenants.

    `conninfo` names the database and may be of a role that can SET ROLE backstory_app; `master_key` is 32 bytes.
    With `patience`, a connection that is not there or does not answer within so many seconds raises PoolTimeout or
    OperationalError; without, half a minute and for ever. An append has a patience of its own.
    Raises WrongMasterKey where the log was begun with another key.
    """

    def __init__(
        self, conninfo: str, master_key: bytes, *, connections: int = 8, patience: float | None = None
    ) -> None:
        self.conninfo = conninfo
        self.master_key = master_key
        self._pool: ConnectionPool[Any] = ConnectionPool(
            conninfo,
            connection_class=Bounded,
            min_size=1,
            max_size=connections,
            timeout=_LENT if patience is None else patience,
            kwargs={"autocommit": True},
            configure=partial(_as_app, patience=patience),
            name="log",
            open=True,
        )
        try:
            self.keyring = Keyring(self._pool, master_key)
            with self._pool.connection() as connection:
                row = connection.execute("SELECT partitions FROM log.head").fetchone()
        except BaseException:
            self._pool.close()
            raise
        self.codec = Codec(self.keyring)
        self._plain = self.codec.plain(besides=_ERASED)
        self.partitions = int(row[0]) if row else 0
        self.encoder = Encoder(self.keyring, self.codec, self.partitions)
        self.committer = Committer(self._pool)

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

        Raises WrongExpectedVersion, ClaimTaken, Overtaken, CommandReused or OutcomeUnknown; then nothing was recorded
        (after OutcomeUnknown: perhaps; ask again with the same command). Personal fields of someone forgotten
        meanwhile are left out.
        """
        while True:
            ticket = self.encoder.ticket(append, self._new_keys([append]))
            try:
                appended = self.committer.append(ticket)
                self._keep_recorded([ticket])
                return appended  # noqa: TRY300
            except (KeyDestroyed, KeyTaken) as other:
                self.keyring.renew(append.tenant, other.subject)
            finally:
                self._drop_destroyed([append])

    def append_many(self, appends: Sequence[Append]) -> list[Appended | LogRefusal]:
        """Record many requests in as few commits as their streams allow; each is answered or refused by itself.

        Each may be decided on what those before it write; it is refused where one of these was.
        """
        new = self._new_keys(appends)
        tickets = [self.encoder.ticket(append, new) for append in appends]
        try:
            outcomes = self.committer.append_all(tickets)
            self._keep_recorded(tickets)
        finally:
            self._drop_destroyed(appends)
        for append, outcome in zip(appends, outcomes, strict=True):
            if isinstance(outcome, KeyDestroyed | KeyTaken):
                self.keyring.renew(append.tenant, outcome.subject)
        return outcomes

    def _new_keys(self, appends: Sequence[Append]) -> dict[tuple[str, str], NewKey]:
        """Return a key for each person whose stream begins with these, to be recorded with them.

        All others that they need are at hand afterwards.
        """
        sealed: set[tuple[str, str]] = set()
        begun: set[tuple[str, str]] = set()
        for append in appends:
            for change in append.changes:
                if any(map(self.codec.seals, change.events)):
                    sealed.add((append.tenant, subject_of(change.stream, change.customer_id)))
                if change.expected == 0:
                    begun.add((append.tenant, change.stream))
        self.keyring.ensure(sealed - begun)
        return self.keyring.new(sealed & begun)

    def _keep_recorded(self, tickets: Iterable[Ticket]) -> None:
        """Keep the new keys at hand of those requests that were recorded now."""
        for ticket in tickets:
            if isinstance(ticket.outcome, Appended) and not ticket.outcome.repeated:
                self.keyring.keep(ticket.new_keys)

    def _drop_destroyed(self, appends: Sequence[Append]) -> None:
        for append in appends:
            for subject in append.destroy:
                self.keyring.drop(append.tenant, subject)

    def partition_of(self, tenant: str, routing_key: str) -> int:
        """Return the partition of a routing key, the same everywhere and for ever."""
        return self.encoder.partition_of(tenant, routing_key)

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
        return self.look(tenant, streams=streams).events

    def look(
        self,
        tenant: str,
        *,
        streams: Iterable[str] = (),
        claims: Iterable[tuple[str, str]] = (),
        command_ids: Iterable[str] = (),
    ) -> Look:
        """Return what a tenant's log has about all of these, in one round trip.

        These are the events of the streams, and of those that hold the claims, each in its order; the holding stream
        of each (kind, value) that is claimed; the fingerprint and first answer of each command answered before.
        """
        events: dict[str, list[Recorded]] = {stream: [] for stream in streams}
        by_digest = {
            (kind, self.keyring.digest(tenant, kind, value)): (kind, value) for kind, value in claims
        }
        kinds, digests = [kind for kind, _ in by_digest], [digest for _, digest in by_digest]
        ids = list(command_ids)
        answered = held = told = None
        with self._pool.connection() as connection, connection.pipeline():
            if ids:
                answered = connection.execute(_ANSWERED, (tenant, ids))
            if kinds:
                held = connection.execute(_HELD, (kinds, digests, tenant))
            if kinds and events:
                told = connection.execute(_TOLD_WITH_HOLDERS, (tenant, list(events), kinds, digests, tenant))
            elif events:
                told = connection.execute(_TOLD, (tenant, list(events)))
        holders = {by_digest[kind, digest]: stream for kind, digest, stream in held or ()}
        if told is not None:
            events |= {stream: [] for stream in holders.values()}
            for recorded in self.decode(told.fetchall()):
                events.setdefault(recorded.stream, []).append(recorded)
        return Look(events, holders, {row[0]: _answer_of(row) for row in answered or ()})

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
        plain = self._plain
        if others := [row for row in rows if row[4] not in plain]:
            self._prepare_keys(others)
        for row in rows:
            decode = plain.get(row[4])
            try:
                event = self.codec.decode(row[1], row[4], row[9]) if decode is None else decode(row[9])
            except (UnknownEventType, UnreadableEvent, msgspec.ValidationError) as cause:
                event = _unreadable(row, cause, strict=strict)
            yield Recorded(*row[:9], event, *row[10:])  # type: ignore[call-arg]  # LEAN_COLUMNS end before

    def _prepare_keys(self, rows: Sequence[Sequence[Any]]) -> None:
        """Drop the keys of those who were forgotten in these rows, then fetch what the others need in one query."""
        codec = self.codec
        for row in rows:
            if row[4] == _ERASED:
                codec.forget(row[1], row[2], row[5])
        self.keyring.load(
            {pair for row in rows if (pair := codec.subject(row[1], row[4], row[9])) is not None}
        )

    def holder(self, tenant: str, kind: str, value: str) -> str | None:
        """Return the stream that holds a claim, or None."""
        return self.holders(tenant, [(kind, value)]).get((kind, value))

    def holders(self, tenant: str, values: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the holding stream of each (kind, value) that is claimed, in one query."""
        return self.look(tenant, claims=values).holders

    def answered(self, tenant: str, command_ids: Sequence[str]) -> dict[str, tuple[bytes, Appended]]:
        """Return the fingerprint and first answer of each of these commands that was answered before."""
        return self.look(tenant, command_ids=command_ids).answered

    def streams_of_customer(self, tenant: str, customer_id: str) -> dict[str, int]:
        """Return every stream with an event of this customer, the oldest first, and the position of its newest one."""
        with self._pool.connection() as connection:
            rows: list[tuple[str, int]] = connection.execute(
                "SELECT stream, max(position) FROM log.events WHERE tenant = %s AND customer_id = %s "
                "GROUP BY stream ORDER BY min(position)",
                (tenant, customer_id),
            ).fetchall()
        return dict(rows)

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


def _answer_of(row: Sequence[Any]) -> tuple[bytes, Appended]:
    _, fingerprint, answer, position, events = row
    appended = Appended(
        position=position,
        version=answer["version"],
        events=events,
        answer=answer["answer"],
        repeated=True,
    )
    return fingerprint, appended


def _as_app(connection: Bounded, patience: float | None) -> None:
    connection.patience = patience
    connection.execute("SET ROLE backstory_app")
    connection.execute("SET TIME ZONE 'UTC'")


def _unreadable(row: Sequence[Any], cause: Exception, *, strict: bool) -> Unreadable:
    """Return what stands for an event that this code cannot read; raise why if `strict`."""
    told = (
        UnreadableEvent(type=row[4], rule=str(cause)) if isinstance(cause, msgspec.ValidationError) else cause
    )
    if strict:
        raise told from cause
    return Unreadable(occurred_at=row[6], why=str(told))
