"""What a service published: a record as it stands in its topic."""

from collections.abc import Sequence
from typing import NamedTuple

from kafka.consumer.fetcher import ConsumerRecord

GivenHeader = tuple[str, bytes | None]


class Place(NamedTuple):
    """Where a record was published."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic} {self.partition}/{self.offset}"


class Published(NamedTuple):
    """A record: its place, and what was published, byte for byte."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: Sequence[GivenHeader]


def published(record: ConsumerRecord) -> Published:
    """Return what a consumer read."""
    place = Place(record.topic, record.partition, record.offset)
    return Published(place, record.key, record.value, record.headers)
