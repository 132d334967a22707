"""Reading what was rejected, from the first record that nobody has put right yet."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streams.kafka.clients import reader
from streams.kafka.rejected import Rejected, read_rejected
from streams.kafka.topics import Topics

_POLL_MS = 500


class KafkaAway(Exception):
    """Apache Kafka does not answer."""


class Found(NamedTuple):
    """A record of the rejected topic: its partition and offset there, and what it says; None: it is none of ours."""

    partition: int
    offset: int
    rejected: Rejected | None


class RejectedTopic:
    """The rejected topic from the first record that is not put right to what was its end at the beginning.

    The committed offsets of its group say below which offset of each partition every record was put right.
    """

    def __init__(self, consumer: KafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        partitions = [
            TopicPartition(topic, one) for one in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        begins, self._ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        consumer.assign(partitions)
        self.settled = {one.partition: max(begins[one], consumer.committed(one) or 0) for one in partitions}
        for partition in partitions:
            consumer.seek(partition, self.settled[partition.partition])

    def __iter__(self) -> Iterator[list[Found]]:
        """Read batch after batch, each partition in its order."""
        while any(self._consumer.position(one) < end for one, end in self._ends.items()):
            found = self._consumer.poll(_POLL_MS)
            yield [
                Found(partition.partition, record.offset, read_rejected(record))
                for partition, records in found.items()
                for record in records
                if record.offset < self._ends[partition]
            ]

    def settle(self, offsets: Mapping[int, int]) -> None:
        """Note below which offset of each partition everything was put right."""
        told = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
        }
        if told:
            self._consumer.commit(told)


def retry_group(topics: Topics) -> str:
    """Return the consumer group that remembers what was put right."""
    return f"{topics.rejected}.retry"


@contextmanager
def rejected_topic_of(servers: str, topics: Topics) -> Iterator[RejectedTopic]:
    """Open the rejected topic. Raises KafkaAway where Kafka does not answer, here or later."""
    try:
        with closing(reader(servers, group_id=retry_group(topics), auto_offset_reset="earliest")) as consumer:
            yield RejectedTopic(consumer, topics.rejected)
    except KafkaError as cause:
        raise KafkaAway(type(cause).__name__) from cause
