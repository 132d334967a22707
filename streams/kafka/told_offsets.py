"""Telling Kafka how far a reader is, so that Kafka's own tools show its lag; nobody goes on from there."""

import time
from collections.abc import Mapping
from contextlib import suppress

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streams.kafka.clients import reader

_EVERY = 1.0  # seconds
_LAST_MS = 1_000  # in which the last offsets must be taken, or go untold


class ToldOffsets:
    """The offsets that are committed in the name of a consumer group, which no reader of ours is a member of.

    Raises KafkaError where the cluster does not answer when this is opened; later that is passed over.
    """

    def __init__(self, servers: str, group: str) -> None:
        self._consumer: KafkaConsumer = reader(servers, group_id=group)
        self._told: dict[TopicPartition, int] = {}
        self._left: dict[TopicPartition, OffsetAndMetadata] = {}
        self._due = 0.0

    def tell(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit the offsets of the next records to read, soon and without waiting for it."""
        for one, offset in offsets.items():
            if self._told.get(one) != offset:
                self._told[one], self._left[one] = offset, OffsetAndMetadata(offset, "", -1)
        if self._left and time.monotonic() >= self._due:
            self._consumer.commit_async(self._left)
            self._left = {}
            self._due = time.monotonic() + _EVERY

    def close(self) -> None:
        """Commit what is left to tell, if that is quickly done, and close."""
        if self._left:
            with suppress(KafkaError):
                self._consumer.commit(self._left, timeout_ms=_LAST_MS)
        self._consumer.close(timeout_ms=_LAST_MS)
