"""How the tests publish, and see what became of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import TopicPartition

from api.intake.reports import REPORTS
from streams.kafka.clients import config
from streams.kafka.intake import Intake, Take
from streams.kafka.provision import intake_topic, provide, rejected_topic
from streams.kafka.topics import Topics

PATIENCE = 60.0
AT = "2026-03-01T09:30:00Z"


def headers(kind: str, ident: str, **more: str) -> list[tuple[str, bytes]]:
    """Return the headers of a report in binary mode."""
    told = {"specversion": "1.0", "id": ident, "source": "shop", "type": kind, "time": AT} | more
    given = [(f"ce_{name}", value.encode()) for name, value in told.items()]
    return [("content-type", b"application/json"), *given]


def body(kind: str, **more: Any) -> bytes:
    """Return the data of a report: its example, with other fields."""
    return json.dumps({**REPORTS[kind].example, **more}).encode()


def structured(kind: str, ident: str, **more: Any) -> bytes:
    """Return a report as one JSON document."""
    told = {"specversion": "1.0", "id": ident, "source": "shop", "type": kind, "time": AT}
    return json.dumps({**told, "data": dict(REPORTS[kind].example), **more}).encode()


class Topic:
    """The intake's topics on a real Kafka: publish there, and read what was rejected."""

    def __init__(self, servers: str, topics: Topics) -> None:
        self.servers = servers
        self.topics = topics
        provide(servers, intake_topic(topics.intake), rejected_topic(topics.rejected))
        self._producer = KafkaProducer(**config(servers))

    def publish(
        self, value: bytes | None, told: Sequence[tuple[str, Any]], key: bytes = b"o"
    ) -> tuple[int, int]:
        """Publish a record; return its partition and offset."""
        sent = self._producer.send(self.topics.intake, value, key, list(told)).get(PATIENCE)
        return sent.partition, sent.offset

    def report(self, kind: str, ident: str, **more: Any) -> tuple[int, int]:
        """Publish the example of a type in binary mode, with other fields."""
        return self.publish(body(kind, **more), headers(kind, ident))

    def reject(self, **record: Any) -> None:
        """Write a record to the topic of rejects."""
        self._producer.send(self.topics.rejected, **record).get(PATIENCE)

    def rejected(self) -> list[ConsumerRecord]:
        """Return everything that was rejected, in the order of its partitions."""
        return list(self._read(self.topics.rejected))

    def settled(self) -> bool:
        """Say whether the intake has settled everything that was published."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.servers, group_id=self.topics.intake, enable_auto_commit=False
        )
        try:
            parts = [
                TopicPartition(self.topics.intake, one)
                for one in consumer.partitions_for_topic(self.topics.intake)
            ]
            return all(
                (consumer.committed(one) or 0) >= end for one, end in consumer.end_offsets(parts).items()
            )
        finally:
            consumer.close()

    def close(self) -> None:
        """Close the connections."""
        self._producer.close()

    def _read(self, topic: str) -> Iterator[ConsumerRecord]:
        consumer = KafkaConsumer(bootstrap_servers=self.servers, auto_offset_reset="earliest")
        try:
            parts = [TopicPartition(topic, one) for one in sorted(consumer.partitions_for_topic(topic))]
            consumer.assign(parts)
            ends = consumer.end_offsets(parts)
            while any(consumer.position(one) < end for one, end in ends.items()):
                for records in consumer.poll(200).values():
                    yield from records
        finally:
            consumer.close()


def until(true: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something is true. Raises AssertionError when it takes too long."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


@contextmanager
def taking(topic: Topic, take: Take, told: list[str] | None = None) -> Iterator[None]:
    """Run a member of the intake meanwhile; what it says goes to `told`."""
    stop = threading.Event()
    failed: list[BaseException] = []
    intake = Intake(topic.servers, topic.topics, take, (told if told is not None else []).append)

    def run() -> None:
        try:
            intake.run(stop)
        except BaseException as cause:  # noqa: BLE001 - raised again below, in the test's own thread
            failed.append(cause)

    thread = threading.Thread(target=run, name="intake")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not failed, failed
    assert not thread.is_alive()


def settle(topic: Topic, take: Take) -> list[ConsumerRecord]:
    """Have everything that was published settled; return what was rejected."""
    with taking(topic, take):
        until(topic.settled)
    return topic.rejected()
