"""Restore: an empty database becomes the log again from Kafka alone; and the proof that it would."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice

import psycopg

from domain.event import stored_as
from domain.record import PersonalDataErased
from streams.errors import IncompleteTopic, NotEmpty
from streams.kafka.outbox import Outbox, envelope
from streams.kafka.record import Envelope
from streams.kafka.source import Source
from streams.keyring import LOG, cipher_of, unwrap

_CHUNK = 5_000
_EVENTS = (
    "COPY log.events (position, tenant, stream, version, type, event_id, customer_id, partition, occurred_at, "
    "recorded_at, actor, source, command_id, correlation_id, causation_id, data) FROM STDIN"
)
Tell = Callable[[int], None]
"""Given how many events are done."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: its last position, and a digest that the same log has everywhere."""

    events: int
    keys: int
    forgotten: int
    digest: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What the topic and a living log said of each other through a position; `differing` is the first that differs."""

    events: int
    differing: int | None
    log_digest: str
    topic_digest: str


def restore(conninfo: str, source: Source, master_key: bytes, tell: Tell | None = None) -> Restored:
    """Fill an empty log from the topics, in one transaction: all of it, or nothing.

    Raises NotEmpty, WrongMasterKey, IncompleteTopic or UnreadableRecord. `conninfo` is of the owner of the schema.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        _check_empty(connection)
        _check_master_key(source, master_key)
        connection.execute(_sql("begin"))
        digest = hashlib.sha256()
        partitions = source.partitions()
        sequences, recorded_at, count = [0] * partitions, "-infinity", 0
        for events in _chunks(source.events()):
            _copy(connection, events)
            for event in events:
                digest.update(_digested(event))
                sequences[event.partition] = event.sequence
            count, recorded_at = events[-1].position, events[-1].recorded_at
            if tell is not None:
                tell(count)
        with connection.cursor().copy(
            "COPY restored_keys (tenant, subject, change, wrapped) FROM STDIN"
        ) as copy:
            for key in source.key_changes():
                copy.write_row(key)
        connection.execute(f"SET LOCAL backstory.erased TO '{stored_as(PersonalDataErased).name}'".encode())
        connection.execute(_sql("settle"))
        connection.execute(
            "UPDATE log.head SET position = %s, recorded_at = %s, partitions = %s",
            (count, recorded_at, partitions),
        )
        connection.execute(
            "INSERT INTO log.published (position, recorded_at, sequences, heartbeat_at) "
            "VALUES (%s, %s, %s, clock_timestamp())",
            (count, recorded_at, sequences),
        )
        counted = connection.execute(
            "SELECT count(*) FILTER (WHERE wrapped IS NOT NULL), count(*) FILTER (WHERE wrapped IS NULL) FROM log.keys"
        ).fetchone() or (0, 0)
        return Restored(count, counted[0], counted[1], digest.hexdigest())


def verify(conninfo: str, source: Source, tell: Tell | None = None) -> Verified:
    """Compare every published event with the log, to the letter; nothing is changed.

    Raises IncompleteTopic where the topic lacks something.
    """
    ours, theirs, differing, position = hashlib.sha256(), hashlib.sha256(), None, 0
    with Outbox(conninfo) as outbox:
        published = outbox.published()
        through = published.position if published else 0
        sequences = dict.fromkeys(range(outbox.partitions()), 0)
        in_topic = source.events()
        while position < through:
            for row in outbox.read(position, min(_CHUNK, through - position)):
                sequences[row[6]] += 1
                ours.update(_digested(envelope(row, sequences[row[6]])))
                event = next(in_topic, None)
                if event is None:
                    raise IncompleteTopic(missing_position=row[0])
                theirs.update(_digested(event))
                position = row[0]
                if differing is None and ours.digest() != theirs.digest():
                    differing = position
            if tell is not None:
                tell(position)
    return Verified(position, differing, ours.hexdigest(), theirs.hexdigest())


def _check_empty(connection: psycopg.Connection) -> None:
    connection.execute("SELECT FROM log.head FOR UPDATE")
    for table in ("events", "keys", "commands", "claims", "published"):
        if connection.execute(f"SELECT EXISTS (SELECT FROM log.{table})".encode()).fetchone() != (False,):
            raise NotEmpty(table=f"log.{table}")


def _check_master_key(source: Source, master_key: bytes) -> None:
    """Find the log's own key before anything else is read, and see whether the master key opens it."""
    master = cipher_of(master_key)
    found = [key.wrapped for key in source.key_changes() if (key.tenant, key.subject) == LOG]
    if not found or found[-1] is None:
        raise IncompleteTopic(missing_key="the log's own")
    unwrap(master, *LOG, found[-1])


def _chunks(events: Iterator[Envelope]) -> Iterator[list[Envelope]]:
    while chunk := list(islice(events, _CHUNK)):
        yield chunk


def _copy(connection: psycopg.Connection, events: Sequence[Envelope]) -> None:
    cursor = connection.cursor()
    with cursor.copy(_EVENTS) as copy:
        for e in events:
            copy.write_row(
                (
                    e.position, e.tenant, e.stream, e.version, e.type, e.event_id, e.customer_id, e.partition,
                    e.occurred_at, e.recorded_at, e.actor, e.source, e.command_id, e.correlation_id, e.causation_id,
                    e.data,
                )
            )  # fmt: skip
    with cursor.copy("COPY restored_answers (position, answered) FROM STDIN") as copy:
        for event in events:
            if event.answered is not None:
                copy.write_row((event.position, event.answered))
    with cursor.copy("COPY log.effects (position, effect) FROM STDIN") as copy:
        for event in events:
            if event.effects is not None:
                copy.write_row((event.position, event.effects))


def _digested(event: Envelope) -> bytes:
    """Return everything that must be the same wherever the log is; a withdrawn command's answer need not."""
    told = (
        event.position, event.tenant, event.stream, event.version, event.type, event.event_id, event.partition,
        event.occurred_at, event.recorded_at, event.actor, event.source, event.data, event.sequence, event.customer_id,
        event.command_id, event.correlation_id, event.causation_id, event.effects,
    )  # fmt: skip
    return repr(told).encode()


def _sql(name: str) -> bytes:
    text = (files("replay") / "restoring.sql").read_text(encoding="utf-8")
    return dict(zip(("begin", "settle"), text.split("-- settle\n"), strict=True))[name].encode()
