"""How far the intake is behind what services publish, and what was rejected and not put right."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from streams.kafka.clients import config
from streams.kafka.retrying import KafkaAway, retry_group
from streams.kafka.topics import Topics

_PATIENCE_MS = 2_000
_POLL_MS = 100


class IntakeLag(NamedTuple):
    """What waits: messages, the age of the oldest in seconds, and rejects that no retry has put right."""

    messages: int
    seconds: float
    rejects: int


def intake_lag(servers: str, topics: Topics) -> IntakeLag | None:
    """Return how far the intake is behind, None where nobody ever made its topics. Raises KafkaAway."""
    try:
        with closing(_consumer(servers, topics.intake)) as consumer:
            waiting = _waiting(consumer, topics.intake)
            if waiting is None:
                return None
            messages, seconds = _oldest(consumer, waiting)
        with closing(_consumer(servers, retry_group(topics))) as consumer:
            rejected = _waiting(consumer, topics.rejected) or {}
        return IntakeLag(messages, seconds, sum(end - first for first, end in rejected.values()))
    except KafkaError as cause:
        raise KafkaAway(type(cause).__name__) from cause


def _consumer(servers: str, group: str) -> KafkaConsumer:
    """Open a consumer that sees what a group has settled, without being a member of it."""
    return KafkaConsumer(
        **config(servers),
        bootstrap_timeout_ms=_PATIENCE_MS,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )


def _waiting(consumer: KafkaConsumer, topic: str) -> dict[TopicPartition, tuple[int, int]] | None:
    """Return, of each partition with something unsettled, its first such offset and its end."""
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        return None
    partitions = [TopicPartition(topic, number) for number in numbers]
    begins = consumer.beginning_offsets(partitions, timeout_ms=_PATIENCE_MS)
    ends = consumer.end_offsets(partitions, timeout_ms=_PATIENCE_MS)
    firsts = {
        one: max(begins[one], consumer.committed(one, timeout_ms=_PATIENCE_MS) or 0) for one in partitions
    }
    return {one: (firsts[one], ends[one]) for one in partitions if firsts[one] < ends[one]}


def _oldest(consumer: KafkaConsumer, waiting: Mapping[TopicPartition, tuple[int, int]]) -> tuple[int, float]:
    """Return how many messages wait, and the age of the oldest; the marks of transactions are none."""
    consumer.assign(list(waiting))
    for partition, (first, _) in waiting.items():
        consumer.seek(partition, first)
    oldest: dict[TopicPartition, int] = {}
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    left = set(waiting)
    while left and time.monotonic() < deadline:
        found: Mapping[TopicPartition, Sequence[object]] = consumer.poll(_POLL_MS)
        for partition, records in found.items():
            oldest.setdefault(partition, records[0].timestamp)  # type: ignore[attr-defined]
        passed = {one for one in left if consumer.position(one) >= waiting[one][1]}
        left -= passed | oldest.keys()
    messages = sum(waiting[one][1] - waiting[one][0] for one in left | oldest.keys())
    return messages, max((time.time() - at / 1000 for at in oldest.values()), default=0.0)
