"""From Kafka alone the log comes back to the letter, and goes on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from kafka import KafkaAdminClient, TopicPartition
from psycopg.conninfo import make_conninfo

from commands.batches import correlation_of
from commands.command import (
    CaptureLead,
    Command,
    Context,
    ForgetCustomer,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    UndoBatch,
)
from commands.handle import handle
from domain.customer import Profile
from replay.restore import restore, verify
from streams.errors import CommandReused, IncompleteTopic, NotEmpty, WrongMasterKey
from streams.kafka.source import Source
from streams.kafka.topics import Topics
from streams.log import Log
from tests.conftest import MASTER_KEY
from tests.streams.kafka.reading import prove, read_events, read_topic, relaying
from tests.streams.kafka.test_relay import all_published

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLES = ("events", "commands", "claims", "head", "effects", "tracking")
KEPT = {
    "claims": "tenant, kind, digest, stream",  # a claim's position may be that of its batch
    "head": "position, recorded_at, partitions",
}


def ask(log: Log, name: str, command: Command, **more: Any) -> Any:
    context = Context(tenant="main", actor="writer", source="shop", now=NOON, command_id=name, **more)
    return handle(log, command, context)


def order(n: int, email: str) -> RecordOrder:
    return RecordOrder(
        source_id=str(n),
        currency="EUR",
        total=Decimal("30.10"),
        profile=Profile(email=email, name="Somebody"),
        occurred_at=NOON,
    )


def live(log: Log) -> None:
    """Let a small business happen: people, orders, an undone import, somebody forgotten."""
    for n in range(30):
        ask(log, f"o-{n}", order(n, f"person{n % 7}@example.com"))
        ask(
            log,
            f"p-{n}",
            RecordPayment(
                order_source_id=str(n),
                payment_id=f"p{n}",
                currency="EUR",
                amount=Decimal(5),
                occurred_at=NOON,
            ),
        )
        lead = CaptureLead(
            form="contact", source_id=str(n), profile=Profile(email=f"lead{n}@example.com"), occurred_at=NOON
        )
        ask(log, f"l-{n}", lead, correlation_id=correlation_of("b-1") if n < 10 else None)
    refund = RecordRefund(
        source_id="r1", order_source_id="1", currency="EUR", amount=Decimal("0.05"), occurred_at=NOON
    )
    ask(log, "r-1", refund)
    ask(log, "undo", UndoBatch(batch="b-1", reason="wrong file"))
    ask(
        log,
        "l-3",
        CaptureLead(
            form="contact", source_id="3", profile=Profile(email="lead3@example.com"), occurred_at=NOON
        ),
    )
    forgotten = log.holder("main", "email", "person1@example.com")
    assert forgotten is not None
    ask(log, "forget", ForgetCustomer(customer_id=forgotten.removeprefix("customer-"), reason="asked"))


def rows(conninfo: str, table: str) -> list[Any]:
    with psycopg.connect(conninfo) as connection:
        found = connection.execute(f"SELECT {KEPT.get(table, '*')} FROM log.{table}".encode()).fetchall()
    return sorted(map(repr, found))


@pytest.fixture
def empty(server: str, template: str, database: str) -> Iterator[str]:
    """The conninfo of another fresh database."""
    info = psycopg.conninfo.conninfo_to_dict(database)
    name = f"{info['dbname']}_again"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_log_comes_back_from_kafka_to_the_letter_and_goes_on(
    log: Log, empty: str, kafka: str, topics: Topics
) -> None:
    live(log)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    source = Source(kafka, topics)
    before = verify(log.conninfo, source)
    restored = restore(empty, source, MASTER_KEY)
    assert (restored.events, restored.digest) == (log.head(), before.log_digest)
    assert before.differing is None
    assert restored.forgotten == 1
    for table in TABLES:
        assert rows(empty, table) == rows(log.conninfo, table), table
    with Log(empty, MASTER_KEY) as again:
        assert again.read(0, 10**6) == log.read(0, 10**6)
        repeated = ask(again, "o-3", order(3, "person3@example.com"))
        assert repeated.repeated
        with pytest.raises(CommandReused):
            ask(again, "o-3", order(4, "person3@example.com"))
        more = ask(again, "o-new", order(99, "person3@example.com"))
        assert again.holder("main", "email", "person3@example.com") == log.holder(
            "main", "email", "person3@example.com"
        )
        assert more.position > log.head()
        with relaying(empty, kafka, topics):
            all_published(again)
        prove(again, read_events(kafka, topics))
        assert verify(empty, source).differing is None


def test_no_personal_field_is_in_any_record(log: Log, kafka: str, topics: Topics) -> None:
    live(log)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    records = read_topic(kafka, topics.events) + read_topic(kafka, topics.keys)
    assert len(records) > 100
    told = [repr((record.key, record.value, record.headers)) for record in records]
    assert [one for one in told if "example.com" in one or "Somebody" in one] == []


def test_only_an_empty_database_is_restored(log: Log, kafka: str, topics: Topics) -> None:
    live(log)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    with pytest.raises(NotEmpty):
        restore(log.conninfo, Source(kafka, topics), MASTER_KEY)


def test_another_master_key_restores_nothing(log: Log, empty: str, kafka: str, topics: Topics) -> None:
    live(log)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    with pytest.raises(WrongMasterKey):
        restore(empty, Source(kafka, topics), bytes(32))
    assert rows(empty, "events") == []


def test_a_topic_that_lacks_an_event_is_not_restored_and_says_which(
    log: Log, empty: str, kafka: str, topics: Topics
) -> None:
    live(log)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    [first, *_] = read_events(kafka, topics)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_records({TopicPartition(topics.events, first.partition): 1})
    admin.close()
    with pytest.raises(IncompleteTopic, match="missing_sequence=1"):
        restore(empty, Source(kafka, topics), MASTER_KEY)
    assert rows(empty, "events") == []
