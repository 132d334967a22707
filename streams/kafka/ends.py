"""What the partitions of a topic hold at their ends: from there a relay goes on, whatever happened before."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kafka import KafkaConsumer
from kafka.errors import KafkaTimeoutError
from kafka.structs import TopicPartition

from streams.errors import ForeignTopic
from streams.kafka.clients import reader
from streams.kafka.record import Header

_LOOK_BACK = 2_000  # records from the end of a partition in which its last one of ours must be
_PATIENCE = 30.0
_POLL_MS = 500


class End(NamedTuple):
    """The last record of a partition: its sequence number, the position and the id of its event."""

    sequence: int
    position: int = 0
    event_id: str = ""


NOTHING = End(0)


def read_ends(
    servers: str, topic: str, expected: Mapping[int, int], *, doubting: bool = False
) -> dict[int, End]:
    """Return the end of every partition; `expected` is the sequence that each is known to hold.

    The end is the last record, unless somebody else wrote behind ours: then, and where everything is to be doubted,
    the highest sequence among the last two thousand. Raises ForeignTopic where nothing there is of a relay, KafkaError
    where the cluster does not answer.
    """
    consumer = reader(servers)
    try:
        partitions = [
            TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))
        ]
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        found = dict.fromkeys((partition.partition for partition in partitions), NOTHING)
        filled = [one for one in partitions if ends[one] > begins[one]]
        found |= _highest(consumer, {one: (ends[one] - 1, ends[one]) for one in filled})
        doubtful = [
            one
            for one in filled
            if doubting or found[one.partition].sequence < max(1, expected.get(one.partition, 0))
        ]
        spans = {one: (max(begins[one], ends[one] - _LOOK_BACK), ends[one]) for one in doubtful}
        found |= _highest(consumer, spans)
        for one in filled:
            if found[one.partition] == NOTHING:
                raise ForeignTopic(topic=topic, partition=one.partition, rule="a relay wrote its records")
        return found
    finally:
        consumer.close()


def _highest(consumer: KafkaConsumer, spans: Mapping[TopicPartition, tuple[int, int]]) -> dict[int, End]:
    """Return the record with the highest sequence between two offsets of each partition."""
    found = {partition.partition: NOTHING for partition in spans}
    waiting = dict(spans)
    consumer.assign(list(spans))
    for partition, (first, _) in spans.items():
        consumer.seek(partition, first)
    deadline = time.monotonic() + _PATIENCE
    while waiting:
        for partition, records in consumer.poll(_POLL_MS).items():
            for record in records:
                if record.offset < spans[partition][1]:
                    found[partition.partition] = max(found[partition.partition], end_of(record.headers))
        waiting = {one: span for one, span in waiting.items() if consumer.position(one) < span[1]}
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(f"the ends of {sorted(waiting)} could not be read in {_PATIENCE:.0f} s")
    return found


def end_of(headers: Sequence[Header]) -> End:
    """Return the place that a record of a relay tells in its headers, NOTHING where it is none."""
    told = dict(headers)
    try:
        return End(
            int(told["ce_sequence"]), int(told.get("ce_position", b"0")), told.get("ce_id", b"").decode()
        )
    except (KeyError, ValueError):
        return NOTHING
