"""Intake: what services publish, taken in its order, every record settled before the offset moves on."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import CommitFailedError, CorruptRecordError, KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streams.kafka.clients import BOOTSTRAP_MS, config, reader
from streams.kafka.provision import intake_topic, provide, rejected_topic
from streams.kafka.published import Place, Published, published
from streams.kafka.rejected import MOST_BYTES, UNREADABLE, Rejection, rejected_record
from streams.kafka.topics import Topics

_BATCH = 500
_POLL_MS = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_DELIVERY_MS = 30_000
_SESSION_MS = 6_000  # after which the partitions of a killed member go to another; brokers allow no less

Take = Callable[[Sequence[Published]], Sequence[Rejection | None]]
Tell = Callable[[str], None]


class NotNow(Exception):
    """What records need is away; the same records are to be tried again."""


class Intake:
    """One member of the intake's consumer group, which is called as its topic.

    `take` records what it is given and says of each record why it cannot be recorded, or None; it may be given the
    same record again, and raises NotNow where that is not the record's fault. A record is settled when it is
    recorded, or when every in-sync replica has its rejection; only then the offset moves on.
    """

    def __init__(self, servers: str, topics: Topics, take: Take, tell: Tell) -> None:
        self._servers = servers
        self._topics = topics
        self._take = take
        self._tell = tell

    def run(self, stop: threading.Event) -> None:
        """Take records until told to stop; while Kafka does not answer, say so and try again."""
        pause = _FIRST_PAUSE
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._follow(stop)
            except KafkaError as cause:
                if time.monotonic() - began > _LONGEST_PAUSE:
                    pause = _FIRST_PAUSE
                self._tell(f"Kafka does not answer ({type(cause).__name__}); tries again in {pause:.1f} s")
                stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _follow(self, stop: threading.Event) -> None:
        provide(self._servers, intake_topic(self._topics.intake), rejected_topic(self._topics.rejected))
        with (
            closing(_producer(self._servers)) as producer,
            closing(
                KafkaConsumer(
                    self._topics.intake,
                    **config(self._servers),
                    bootstrap_timeout_ms=BOOTSTRAP_MS,
                    group_id=self._topics.intake,
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                    isolation_level="read_committed",
                    session_timeout_ms=_SESSION_MS,
                    heartbeat_interval_ms=_SESSION_MS // 3,
                )
            ) as consumer,
        ):
            while not stop.is_set():
                try:
                    found = consumer.poll(_POLL_MS, max_records=_BATCH)
                except CorruptRecordError:
                    self._step_over(consumer, producer)
                    continue
                records = [published(record) for taken in found.values() for record in taken]
                rejections = self._patiently(records, stop) if records else None
                if rejections is None:
                    continue
                self._reject(producer, records, rejections)
                settled = {
                    partition: OffsetAndMetadata(taken[-1].offset + 1, "", -1)
                    for partition, taken in found.items()
                }
                try:
                    consumer.commit(settled)
                except CommitFailedError:
                    self._tell("another member took over; what it takes again is recorded once")

    def _step_over(self, consumer: KafkaConsumer, producer: KafkaProducer) -> None:
        """Reject what stands at the place of a partition where nothing can be read, and go on behind it."""
        for partition in consumer.assignment():
            at = consumer.position(partition)
            if self._readable(partition, at):
                continue
            place = Place(partition.topic, partition.partition, at)
            self._tell(f"{place} cannot be read, and is rejected without its bytes")
            self._reject(producer, [Published(place, None, None, [])], [UNREADABLE])
            consumer.commit({partition: OffsetAndMetadata(at + 1, "", -1)})
            consumer.seek(partition, at + 1)

    def _readable(self, partition: TopicPartition, at: int) -> bool:
        """Say whether a partition can be read from an offset on, or ends there."""
        with closing(reader(self._servers)) as alone:
            alone.assign([partition])
            alone.seek(partition, at)
            deadline = time.monotonic() + _LONGEST_PAUSE
            try:
                while at < alone.end_offsets([partition])[partition] and time.monotonic() < deadline:
                    if alone.poll(_POLL_MS) or alone.position(partition) > at:
                        return True
            except CorruptRecordError:
                return False
        return True

    def _patiently(
        self, records: Sequence[Published], stop: threading.Event
    ) -> Sequence[Rejection | None] | None:
        """Have records taken, however long that needs; None when told to stop before."""
        pause, waiting = _FIRST_PAUSE, ""
        while not stop.is_set():
            try:
                rejections = self._take(records)
            except NotNow as cause:
                if str(cause) != waiting:
                    waiting = str(cause)
                    self._tell(f"waits: {waiting}; tries again every {_LONGEST_PAUSE:.0f} s at the latest")
                stop.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            if waiting:
                self._tell("goes on")
            return rejections
        return None

    def _reject(
        self,
        producer: KafkaProducer,
        records: Sequence[Published],
        rejections: Sequence[Rejection | None],
    ) -> None:
        """Keep what could not be recorded, and return when every in-sync replica has it."""
        sent = [
            producer.send(self._topics.rejected, **rejected_record(record, rejection))
            for record, rejection in zip(records, rejections, strict=True)
            if rejection is not None
        ]
        producer.flush()
        for one in sent:
            one.get()


def _producer(servers: str) -> KafkaProducer:
    return KafkaProducer(
        **config(servers),
        bootstrap_timeout_ms=BOOTSTRAP_MS,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_request_size=2 * MOST_BYTES,
        delivery_timeout_ms=_DELIVERY_MS,
        request_timeout_ms=_DELIVERY_MS // 3,
    )
