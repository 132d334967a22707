"""Reading the topics back: every event in the log's order, every key."""

import heapq
import time
from collections import deque
from collections.abc import Iterator

from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from streams.errors import IncompleteTopic
from streams.kafka.clients import reader
from streams.kafka.outbox import KeyChange
from streams.kafka.record import Envelope, read_record
from streams.kafka.topics import Topics

_POLL_MS = 500
_MOST_BUFFERED = 20_000  # events of one partition, ahead of the others
_PATIENCE = 60.0


class Source:
    """The topics of one log as they are when this is opened. Raises KafkaError where the cluster does not answer."""

    def __init__(self, servers: str, topics: Topics) -> None:
        self._servers = servers
        self._topics = topics

    def events(self, after: int = 0) -> Iterator[Envelope]:
        """Yield every event above a position in the log's order, each once, though a partition has some twice.

        Raises IncompleteTopic, naming the partition and the sequence or the position that is missing.
        """
        consumer = reader(self._servers, fetch_max_bytes=8 * 2**20, max_poll_records=5_000)
        try:
            position = after
            for event in _Merging(consumer, self._topics.events, after):
                if event.position != position + 1:
                    raise IncompleteTopic(topic=self._topics.events, missing_position=position + 1)
                position = event.position
                yield event
        finally:
            consumer.close()

    def records(self) -> int:
        """Return how many records the topic of events has: its events, and what was written twice."""
        consumer = reader(self._servers)
        try:
            partitions = _partitions(consumer, self._topics.events)
            begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            return sum(ends[one] - begins[one] for one in partitions)
        finally:
            consumer.close()

    def partitions(self) -> int:
        """Return how many partitions the topic of events has."""
        consumer = reader(self._servers)
        try:
            return len(_partitions(consumer, self._topics.events))
        finally:
            consumer.close()

    def key_changes(self) -> Iterator[KeyChange]:
        """Yield every key that the topic holds, a later one after an earlier one; None where it was destroyed."""
        consumer = reader(self._servers)
        partition = TopicPartition(self._topics.keys, 0)
        try:
            end = _begin(consumer, [partition])[partition]
            heard = time.monotonic()
            while consumer.position(partition) < end:
                for record in consumer.poll(_POLL_MS).get(partition, ()):
                    heard = time.monotonic()
                    told = dict(record.headers)
                    tenant, subject = told["tenant"].decode(), told["subject"].decode()
                    yield KeyChange(tenant, subject, record.offset, record.value)
                if time.monotonic() > heard + _PATIENCE:
                    raise IncompleteTopic(topic=self._topics.keys, read_through=consumer.position(partition))
        finally:
            consumer.close()


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def _begin(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Let the consumer begin at the beginning of each partition; return where each ends."""
    consumer.assign(partitions)
    for partition, first in consumer.beginning_offsets(partitions).items():
        consumer.seek(partition, first)
    ends: dict[TopicPartition, int] = consumer.end_offsets(partitions)
    return ends


class _Merging:
    """Merges the partitions by position; one that is far ahead of the others pauses, so that memory stays flat."""

    def __init__(self, consumer: KafkaConsumer, topic: str, after: int) -> None:
        self._consumer = consumer
        self._topic = topic
        self._after = after
        self._partitions = _partitions(consumer, topic)
        self._ends = _begin(consumer, self._partitions)
        self._waiting: dict[TopicPartition, deque[Envelope]] = {one: deque() for one in self._partitions}
        self._sequences = dict.fromkeys(self._partitions, 0)
        self._heard = time.monotonic()

    def __iter__(self) -> Iterator[Envelope]:
        fronts: list[tuple[int, int]] = []  # the first position of each partition that has events at hand
        lacking = set(self._partitions)
        while lacking or fronts:
            for one in [one for one in lacking if self._waiting[one] or self._ended(one)]:
                lacking.discard(one)
                if self._waiting[one]:
                    heapq.heappush(fronts, (self._waiting[one][0].position, one.partition))
            if lacking:
                self._poll(lacking)
                continue
            if fronts:
                partition = self._partitions[heapq.heappop(fronts)[1]]
                yield self._waiting[partition].popleft()
                lacking.add(partition)

    def _ended(self, partition: TopicPartition) -> bool:
        return bool(self._consumer.position(partition) >= self._ends[partition])

    def _poll(self, lacking: set[TopicPartition]) -> None:
        full = [one for one, events in self._waiting.items() if len(events) > _MOST_BUFFERED]
        self._consumer.pause(*full)
        for one, records in self._consumer.poll(_POLL_MS).items():
            self._heard = time.monotonic()
            for record in records:
                self._take(one, read_record(one.partition, record.value, record.headers))
        self._consumer.resume(*full)
        if time.monotonic() > self._heard + _PATIENCE:
            raise IncompleteTopic(topic=self._topic, unreadable=[one.partition for one in lacking])

    def _take(self, partition: TopicPartition, event: Envelope) -> None:
        expected = self._sequences[partition] + 1
        if event.sequence > expected:
            raise IncompleteTopic(topic=self._topic, partition=partition.partition, missing_sequence=expected)
        if event.sequence == expected:  # else it was written twice
            self._sequences[partition] = expected
            if event.position > self._after:
                self._waiting[partition].append(event)
