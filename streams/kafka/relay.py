"""The relay: carries the log to Kafka, in its order, each event once."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Reading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import psycopg
from kafka.errors import KafkaError, OutOfOrderSequenceNumberError
from kafka.future import Future

from streams.errors import ForeignTopic
from streams.kafka.batch import Batch
from streams.kafka.cluster import MOST_IN_FLIGHT, Cluster, connected
from streams.kafka.ends import End, read_ends
from streams.kafka.outbox import KeyChange, Outbox, Published, envelope
from streams.kafka.provision import events_topic, keys_topic, provide
from streams.kafka.record import headers_of, key_of
from streams.kafka.topics import Topics

PRODUCER = 2**62 - 0x6261636B
"""The producer id of every relay. The broker takes a batch of it only where its sequence numbers go on from the last
batch of the partition, so whoever writes second, of two relays or of two tries, is refused and looks again."""
_MOST_EVENTS = 2_000  # in a request
_MOST_KEYS = 1_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_BEAT = 1.0
_LOOK = 0.25  # seconds between two looks whether to stop, or to lead


class Flight(NamedTuple):
    """Events under way: what was sent, and how far the log is published once that is acknowledged."""

    sent: Sequence[Future]
    position: int
    sequences: Sequence[int]

    @property
    def over(self) -> bool:
        """Whether it is known what became of it."""
        return all(each.is_done for each in self.sent)


class Relay:
    """Publishes every event of the log, and every key. One relay at a time leads; others stand by.

    `conninfo` may be of a role that can SET ROLE backstory_app. `tell` is given a line for people whenever
    something changes.
    """

    def __init__(self, conninfo: str, servers: str, topics: Topics, tell: Callable[[str], None]) -> None:
        self._conninfo = conninfo
        self._servers = servers
        self._topics = topics
        self._tell = tell
        self._pause = 0.0

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set. Where Kafka or PostgreSQL is away it says so, waits and goes on by itself.

        Raises WrongTopic or ForeignTopic where the topics are not as they must be.
        """
        while not stop.is_set():
            try:
                with Outbox(self._conninfo) as outbox:
                    if self._leads(outbox, stop):
                        self._publish(outbox, stop)
            except psycopg.OperationalError as cause:
                self._rest(f"PostgreSQL is away: {_one_line(cause)}", stop)

    def _leads(self, outbox: Outbox, stop: threading.Event) -> bool:
        """Wait for the lease; False if told to stop first."""
        told = False
        while not (leads := outbox.lead()) and not stop.is_set():
            if not told:
                self._tell("another relay leads; standing by")
                told = True
            stop.wait(_LOOK)
        return leads

    def _publish(self, outbox: Outbox, stop: threading.Event) -> None:
        """Publish as the leader, beginning anew from the ends of the partitions whenever Kafka breaks off.

        Where Kafka says that they are not as they were read, somebody wrote behind the last of ours: look closer.
        """
        doubting = False
        while not stop.is_set():
            try:
                Session(outbox, self._servers, self._topics, doubting=doubting).run(stop, self._well)
            except KafkaError as cause:
                doubting = isinstance(cause, OutOfOrderSequenceNumberError)
                told = f"Kafka is away: {_one_line(cause)}"
                outbox.trouble(told)
                self._rest(told, stop)

    def _well(self) -> None:
        if self._pause:
            self._tell("publishes again")
        self._pause = 0.0

    def _rest(self, why: str, stop: threading.Event) -> None:
        if not self._pause:
            self._tell(f"{why}; tries again")
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        stop.wait(self._pause)


class Session:
    """The work of a leading relay between two troubles."""

    def __init__(self, outbox: Outbox, servers: str, topics: Topics, *, doubting: bool = False) -> None:
        self._doubting = doubting
        self._outbox = outbox
        self._servers = servers
        self._topics = topics
        self._partitions = outbox.partitions()
        self._ends: dict[int, End] = {}
        self._sequences: list[int] = []
        self._key_sequence = 0
        self._flights: deque[Flight] = deque()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._ahead: Reading[list[tuple[Any, ...]]] | None = None

    def run(self, stop: threading.Event, well: Callable[[], None]) -> None:
        """Publish until `stop` is set; `well` is called after every acknowledgement. Raises KafkaError."""
        topics = self._topics
        provide(self._servers, events_topic(topics.events, self._partitions), keys_topic(topics.keys))
        with connected(self._servers, topics.events, topics.keys) as cluster, self._reader:
            after = self._resume()
            beat = 0.0
            while not stop.is_set():
                rows = self._read(after)
                self._publish_keys(cluster)
                if rows:
                    after = self._send(cluster, rows)
                while self._flights and (
                    not rows or len(self._flights) >= MOST_IN_FLIGHT or self._flights[0].over
                ):
                    self._land(cluster)
                    well()
                    beat = time.monotonic()
                if not rows:
                    if time.monotonic() > beat + _BEAT:
                        self._outbox.progress(after, self._sequences)
                        well()
                        beat = time.monotonic()
                    self._outbox.wait(_LOOK)
            while self._flights:
                self._land(cluster)

    def _read(self, after: int) -> list[tuple[Any, ...]]:
        """Read the next events; while many come, those after them are read meanwhile."""
        rows = self._ahead.result() if self._ahead else self._outbox.read(after, _MOST_EVENTS)
        many = len(rows) > _MOST_EVENTS // 2
        self._ahead = self._reader.submit(self._outbox.read, rows[-1][0], _MOST_EVENTS) if many else None
        return rows

    def _resume(self) -> int:
        """Find out from the ends of the partitions what is there, and return the position to read the log from."""
        published = self._outbox.published() or Published(0, [])
        expected = dict(enumerate(published.sequences))
        self._ends = read_ends(self._servers, self._topics.events, expected, doubting=self._doubting)
        self._check_ends()
        self._sequences = [self._ends[partition].sequence for partition in range(self._partitions)]
        keys = read_ends(self._servers, self._topics.keys, {}, doubting=self._doubting)
        self._key_sequence = keys[0].sequence
        if self._key_sequence == 0:
            self._outbox.publish_every_key()
        lost = [
            end.position for partition, end in self._ends.items() if end.sequence < expected.get(partition, 0)
        ]
        return min([published.position, *lost])

    def _check_ends(self) -> None:
        recorded = self._outbox.recorded([end.position for end in self._ends.values()])
        for partition, end in self._ends.items():
            if end.sequence and recorded.get(end.position) != (end.event_id, partition):
                raise ForeignTopic(
                    topic=self._topics.events,
                    partition=partition,
                    position=end.position,
                    rule="the log has the same event at the same position",
                )

    def _send(self, cluster: Cluster, rows: Sequence[Sequence[Any]]) -> int:
        """Send what of these rows the partitions do not hold yet; return the position of the last row."""
        batches: dict[int, Batch] = {}
        for row in rows:
            partition = row[6]
            if row[0] <= self._ends[partition].position:
                continue
            self._sequences[partition] += 1
            event = envelope(row, self._sequences[partition])
            if partition not in batches:
                batches[partition] = Batch(PRODUCER, event.sequence)
            key = key_of(event, self._partitions)
            batches[partition].add(row[18], key, event.data.encode(), headers_of(event))
        position = int(rows[-1][0])
        encoded = {partition: batch.encode() for partition, batch in batches.items()}
        sent = cluster.produce(self._topics.events, encoded)
        self._flights.append(Flight(sent, position, tuple(self._sequences)))
        return position

    def _land(self, cluster: Cluster) -> None:
        flight = self._flights.popleft()
        for sent in flight.sent:
            cluster.acknowledged(sent)
        self._outbox.progress(flight.position, flight.sequences)

    def _publish_keys(self, cluster: Cluster) -> None:
        """Publish every key that changed: those of the events read before, so that a key is there before its events."""
        while changes := self._outbox.keys(_MOST_KEYS):
            batch = Batch(PRODUCER, self._key_sequence + 1)
            for n, change in enumerate(changes, start=1):
                add_key(batch, change, self._key_sequence + n)
            for sent in cluster.produce(self._topics.keys, {0: batch.encode()}):
                cluster.acknowledged(sent)
            self._key_sequence += len(changes)
            self._outbox.keys_published(changes)


def add_key(batch: Batch, change: KeyChange, sequence: int) -> None:
    """Add the record of a key: its value the wrapped key, a tombstone where the key is destroyed."""
    headers = [
        ("ce_sequence", b"%d" % sequence),
        ("tenant", change.tenant.encode()),
        ("subject", change.subject.encode()),
    ]
    key = f"{change.tenant}/{change.subject}".encode()
    batch.add(int(time.time() * 1000), key, change.wrapped, headers)


def _one_line(cause: Exception) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__
