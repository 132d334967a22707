"""Reading topics back with plain kafka-python, and running relays beside a test."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from streams.kafka.record import Envelope, read_record
from streams.kafka.relay import Relay
from streams.kafka.topics import Topics
from streams.log import Log

PATIENCE = 60.0


def read_topic(servers: str, topic: str, *, last: int | None = None) -> list[ConsumerRecord]:
    """Return every record of a topic, or the `last` of each partition, partition by partition in its order."""
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        for one, first in consumer.beginning_offsets(partitions).items():
            consumer.seek(one, first if last is None else max(first, ends[one] - last))
        found: list[ConsumerRecord] = []
        came = time.monotonic()
        while any(consumer.position(one) < end for one, end in ends.items()):
            assert time.monotonic() < came + PATIENCE, "the topic could not be read"
            for records in consumer.poll(500, max_records=10_000).values():
                found += records
                came = time.monotonic()
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


def read_events(servers: str, topics: Topics) -> list[Envelope]:
    """Return every event of the topic, partition by partition in its order."""
    records = read_topic(servers, topics.events)
    return [read_record(record.partition, record.value, record.headers) for record in records]


def published(log: Log) -> int:
    """Return how far the log is published."""
    with log.connection() as connection:
        row = connection.execute("SELECT position FROM log.published").fetchone()
    return row[0] if row else 0


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@contextmanager
def relaying(conninfo: str, servers: str, topics: Topics, told: list[str] | None = None) -> Iterator[Relay]:
    """Run a relay in a thread; whatever ended it before it was stopped is raised at the end."""
    relay = Relay(conninfo, servers, topics, (told if told is not None else []).append)
    stop, failed = threading.Event(), []

    def run() -> None:
        try:
            relay.run(stop)
        except BaseException as cause:  # noqa: BLE001 - raised below
            failed.append(cause)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield relay
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the relay did not stop"
        if failed:
            raise failed[0]


def prove(log: Log, events: Sequence[Envelope]) -> None:
    """Assert that these are all events of the log, each once, each partition in its order without a gap."""
    recorded = log.read(0, 10**9)
    assert sorted(event.position for event in events) == list(range(1, len(recorded) + 1))
    by_partition: dict[int, list[Envelope]] = {}
    for event in events:
        by_partition.setdefault(event.partition, []).append(event)
    for some in by_partition.values():
        assert [event.sequence for event in some] == list(range(1, len(some) + 1))
        assert [event.position for event in some] == sorted(event.position for event in some)
    again = list(log.decode([event.row() for event in sorted(events, key=lambda event: event.position)]))
    assert again == recorded
