"""Every event of the log is in the topic once, in its partition's order, whatever happens on the way."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from psycopg.conninfo import make_conninfo

from domain.customer import NameChanged
from domain.order import PaymentReceived
from streams.errors import ForeignTopic, WrongTopic
from streams.kafka.outbox import Outbox
from streams.kafka.provision import events_topic, keys_topic, provide
from streams.kafka.relay import Relay, Session
from streams.kafka.topics import Topics
from streams.log import Log
from streams.records import Append, Asked, Change, Claim
from tests.kafka.broker import Broker
from tests.streams.kafka.reading import prove, published, read_events, read_topic, relaying, until


def paid(n: int) -> PaymentReceived:
    return PaymentReceived(
        occurred_at=datetime(2026, 3, 1, 9, 30, 0, n % 1000, tzinfo=UTC),
        payment_id=str(n),
        currency="EUR",
        amount=Decimal("12.30"),
    )


def fill(log: Log, first: int, count: int) -> None:
    log.append_many(
        [
            Append(
                tenant="main",
                actor="ann",
                source="shop",
                changes=[Change(stream=f"order-{n}", expected=0, events=[paid(n), paid(n + 1)])],
                asked=Asked(command_id=f"c-{n}", fingerprint=bytes([n % 256]) * 32, answer={"id": str(n)}),
            )
            for n in range(first, first + count)
        ]
    )


def all_published(log: Log) -> None:
    head = log.head()
    until(lambda: published(log) >= head, f"position {head} was not published")


def test_every_event_is_in_the_topic_once_in_its_partitions_order(
    log: Log, kafka: str, topics: Topics
) -> None:
    fill(log, 0, 700)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
        fill(log, 700, 300)
        all_published(log)
    prove(log, read_events(kafka, topics))


@pytest.mark.parametrize("after", [0, 2**15 - 1, 2**31 - 1, 2**40])
def test_a_log_is_read_from_any_position_on(log: Log, after: int) -> None:
    with Outbox(log.conninfo) as outbox:
        assert outbox.read(after, 2_000) == []


def test_a_relay_that_starts_anew_goes_on_where_the_partitions_end(
    log: Log, kafka: str, topics: Topics
) -> None:
    for round_ in range(3):
        fill(log, 100 * round_, 100)
        with relaying(log.conninfo, kafka, topics):
            all_published(log)
    prove(log, read_events(kafka, topics))


def test_what_was_sent_but_never_noted_is_not_sent_again(log: Log, kafka: str, topics: Topics) -> None:
    fill(log, 0, 100)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    with log.connection() as connection:
        connection.execute("UPDATE log.published SET position = 0, sequences = '{}'")
    fill(log, 100, 10)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    prove(log, read_events(kafka, topics))


def test_two_relays_at_once_publish_nothing_twice_though_no_lease_keeps_them_apart(
    log: Log, kafka: str, topics: Topics
) -> None:
    stop, refused = threading.Event(), []

    def publish() -> None:
        while not stop.is_set():
            with Outbox(log.conninfo) as outbox:  # which would have to lead first
                try:
                    Session(outbox, kafka, topics).run(stop, lambda: None)
                except Exception as cause:  # noqa: BLE001 - looked at below
                    refused.append(type(cause).__name__)

    provide(kafka, events_topic(topics.events, log.partitions), keys_topic(topics.keys))
    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(60):
        fill(log, 50 * n, 50)
        time.sleep(0.02)
    all_published(log)
    stop.set()
    for thread in threads:
        thread.join(60)
    prove(log, read_events(kafka, topics))
    assert set(refused) <= {"OutOfOrderSequenceNumberError"}


def test_a_second_relay_stands_by_and_takes_over(log: Log, kafka: str, topics: Topics) -> None:
    told: list[str] = []
    with relaying(log.conninfo, kafka, topics):
        fill(log, 0, 10)
        all_published(log)
        second = relaying(log.conninfo, kafka, topics, told)
        second.__enter__()
        until(lambda: bool(told), "the second relay said nothing")
    assert told == ["another relay leads; standing by"]
    fill(log, 10, 10)
    all_published(log)
    second.__exit__(None, None, None)
    prove(log, read_events(kafka, topics))


def test_records_that_somebody_else_wrote_behind_ours_confuse_no_relay(
    log: Log, kafka: str, topics: Topics
) -> None:
    fill(log, 0, 50)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    records = read_topic(kafka, topics.events)
    producer = KafkaProducer(bootstrap_servers=kafka)
    for record in records[:20]:
        producer.send(topics.events, record.value, record.key, record.headers, record.partition)
    producer.send(topics.events, b"nonsense", partition=1)
    producer.close()
    fill(log, 50, 50)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    ours = {(one.partition, one.offset) for one in records}
    behind = len(records)
    again = [one for one in read_topic(kafka, topics.events) if (one.partition, one.offset) not in ours]
    assert len(again) == 21 + log.head() - behind


def test_a_relay_that_was_killed_before_it_noted_finds_its_end_behind_what_somebody_else_wrote(
    log: Log, kafka: str, topics: Topics
) -> None:
    fill(log, 0, 50)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    with log.connection() as connection:
        connection.execute("UPDATE log.published SET position = 0, sequences = '{}'")
    ours = read_topic(kafka, topics.events)
    before_the_last = {
        one.partition: former for former, one in pairwise(ours) if former.partition == one.partition
    }
    producer = KafkaProducer(bootstrap_servers=kafka)
    for one in before_the_last.values():
        producer.send(topics.events, one.value, one.key, one.headers, one.partition)
    producer.close()
    fill(log, 50, 50)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    assert len(read_topic(kafka, topics.events)) == log.head() + len(before_the_last)


def test_what_a_topic_lost_is_published_anew(log: Log, kafka: str, topics: Topics) -> None:
    fill(log, 0, 100)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_topics([topics.events, topics.keys])
    until(lambda: topics.events not in admin.list_topics(), "the topic is still there")
    admin.close()
    with relaying(log.conninfo, kafka, topics):
        fill(log, 100, 1)
        all_published(log)
    prove(log, read_events(kafka, topics))


def test_the_topic_of_another_log_is_refused(
    log: Log, kafka: str, topics: Topics, server: str, template: str
) -> None:
    fill(log, 0, 5)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    with log.connection() as connection:
        connection.execute("RESET ROLE")
        connection.execute(f"CREATE DATABASE other_{template} TEMPLATE {template}".encode())
    other = make_conninfo(server, dbname=f"other_{template}")
    with pytest.raises(ForeignTopic, match="the same event at the same position"):
        Relay(other, kafka, topics, str).run(threading.Event())


@pytest.mark.parametrize(
    ("partitions", "settings", "rule"),
    [
        (3, {}, "setting='partitions', value=3, rule='12, as the log has'"),
        (12, {"cleanup.policy": "compact"}, "compaction would take events away"),
        (12, {"retention.ms": "1000"}, "events are kept for ever"),
    ],
)
def test_a_topic_that_is_not_as_it_must_be_is_refused_with_the_rule(
    kafka: str, topics: Topics, partitions: int, settings: dict[str, str], rule: str
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    made = {"retention.ms": "-1"} | settings
    admin.create_topics([NewTopic(topics.events, partitions, 1, topic_configs=made)], wait_for_metadata=True)
    admin.close()
    with pytest.raises(WrongTopic, match=rule):
        provide(kafka, events_topic(topics.events, 12))


def test_a_key_is_in_its_topic_before_the_events_it_seals_and_a_tombstone_after_it_is_destroyed(
    log: Log, kafka: str, topics: Topics
) -> None:
    registered = NameChanged(occurred_at=datetime.now(UTC), name="Ann", source="shop", by_owner=True)
    log.append(
        Append(
            tenant="main",
            actor="shop",
            source="shop",
            changes=[Change(stream="customer-1", expected=0, events=[registered], customer_id="1")],
            claims=[Claim(kind="email", value="ann@example.org", stream="customer-1")],
        )
    )
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
        keys = {record.key: record for record in read_topic(kafka, topics.keys)}
        assert keys[b"main/customer-1"].value
        assert keys[b"/log"].value
        [event] = read_events(kafka, topics)
        assert event.effects is not None
        assert '"claims"' in event.effects
        assert "Ann" not in str(read_topic(kafka, topics.events))
        log.append(Append(tenant="main", actor="a", source="b", changes=[], destroy=["customer-1"]))
        until(
            lambda: read_topic(kafka, topics.keys)[-1].value is None,
            "there is no tombstone",
        )


def test_a_relay_goes_on_by_itself_when_the_broker_comes_back(
    log: Log, broker: Broker, topics: Topics
) -> None:
    told: list[str] = []
    with relaying(log.conninfo, broker.bootstrap, topics, told):
        fill(log, 0, 50)
        all_published(log)
        broker.kill()
        fill(log, 50, 50)
        until(lambda: any("Kafka is away" in line for line in told), "nothing was said")
        broker.start()
        all_published(log)
    assert told[-1] == "publishes again"
    prove(log, read_events(broker.bootstrap, topics))
