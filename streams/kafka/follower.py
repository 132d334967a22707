"""Following the log through Kafka: every partition counted, so that nothing is missed or taken twice."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import TopicPartition

from streams.errors import HoleInTopic, UnreadableRecord
from streams.follower import Read
from streams.kafka.clients import reader
from streams.kafka.record import read_record
from streams.kafka.told_offsets import ToldOffsets
from streams.kafka.topics import Topics
from streams.log import COLUMNS, Log
from streams.waking import Waker

_POLL_MS = 100
_MOST_RECORDS = 10_000  # taken from the client at once
_MOST_AHEAD = 20_000  # records of a partition that are kept until they are asked for
_SLACK = (
    1_000  # records before the expected one at which reading begins: duplicates move a partition's offsets
)
_PATIENCE = 2.0  # seconds in which a record that is published must come
_ANSWER_MS = 10_000  # in which the cluster must say where a partition begins and ends


class _Published(NamedTuple):
    """How far the relay is: a position, and the sequence number that each partition has reached with it."""

    position: int
    sequences: Sequence[int]


class _Taken(NamedTuple):
    """An event that was read and not yet asked for; `offset` is that of its record, if it came as one."""

    position: int
    row: tuple[Any, ...]
    offset: int | None = None


@dataclass(slots=True)
class _Cursor:
    """One partition: what was handed out, up to `after`, and what was read since, in order and without a hole.

    `sure` says that the topic was seen from before that on; `offset` is that of the last record handed out.
    """

    after: int
    position: int
    sequence: int
    sure: bool = False
    offset: int | None = None
    taken: deque[_Taken] = field(default_factory=deque)


class KafkaFollower:
    """Follows the log through the topic of events, partition by partition as it is asked.

    Where to go on is what the caller says, for it keeps that with its rows. A record that comes again
    is passed over. One that is missing is named to `tell` and read from the log. Raises HoleInTopic where the log does
    not have it either, or counts otherwise; KafkaError where the cluster does not answer. With a `group`, Kafka is
    told how far the caller is, under that name.
    """

    def __init__(
        self, log: Log, servers: str, topics: Topics, tell: Callable[[str], None], *, group: str | None = None
    ) -> None:
        self._log = log
        self._topic = topics.events
        self._tell = tell
        self._cursors: dict[int, _Cursor] = {}
        self._consumer = reader(servers, auto_offset_reset="earliest", fetch_max_wait_ms=_POLL_MS)
        self._told = None if group is None else ToldOffsets(servers, group)
        self._waker = Waker(log.conninfo, "backstory_published")

    def read(self, after: int, until: int, partitions: Sequence[int]) -> Read:
        """Read as Follower says: up to what is published."""
        self._tell_offsets()
        published = self._published()
        reached = min(until, published.position)
        if reached <= after:
            return Read(after, [])
        self._place(after, partitions, published)
        self._fetch(reached, partitions, published)
        rows = [row for partition in partitions for row in self._handed_out(partition, reached)]
        rows.sort()
        return Read(reached, list(self._log.decode(rows, strict=False)))

    def wait(self, after: int, timeout: float) -> bool:
        """Wait as Follower says, until something after the position is published."""
        return self._waker.wait(lambda: self._published().position, after, timeout)

    def close(self) -> None:
        """Stop following."""
        self._tell_offsets()
        if self._told is not None:
            self._told.close()
        self._consumer.close()
        self._waker.close()

    def _published(self) -> _Published:
        with self._log.connection() as connection:
            row = connection.execute("SELECT position, sequences FROM log.published").fetchone()
        return _Published(0, []) if row is None else _Published(*row)

    # -- where to go on ---------------------------------------------------------------------------------------

    def _place(self, after: int, partitions: Sequence[int], published: _Published) -> None:
        """Stand at a position in each of these partitions: where that is not so already, count and seek."""
        if self._cursors.keys() != set(partitions):
            self._consumer.assign([TopicPartition(self._topic, partition) for partition in partitions])
            self._cursors = {}
        moved = [n for n in partitions if n not in self._cursors or self._cursors[n].after != after]
        if not moved:
            return
        ahead = self._between(after, published.position, moved)
        for partition in moved:
            sequence = published.sequences[partition] - ahead.get(partition, 0)
            self._cursors[partition] = _Cursor(after, after, sequence)
            self._seek(partition, sequence - _SLACK)

    def _between(self, after: int, until: int, partitions: Sequence[int]) -> Mapping[int, int]:
        """Return how many events of each partition the log has between two positions."""
        with self._log.connection() as connection:
            rows = connection.execute(
                "SELECT partition, count(*) FROM log.events WHERE position > %s AND position <= %s "
                "AND partition = ANY(%s) GROUP BY partition",
                (after, until, list(partitions)),
            ).fetchall()
        return dict(rows)

    def _seek(self, partition: int, offset: int) -> None:
        here = TopicPartition(self._topic, partition)
        first = self._consumer.beginning_offsets([here], timeout_ms=_ANSWER_MS)[here]
        last = self._consumer.end_offsets([here], timeout_ms=_ANSWER_MS)[here]
        self._consumer.seek(here, max(first, min(offset, last)))

    # -- reading ----------------------------------------------------------------------------------------------

    def _fetch(self, reached: int, partitions: Sequence[int], published: _Published) -> None:
        """Read until every event of these partitions up to a position is there."""
        came = time.monotonic()
        while behind := [n for n in partitions if not self._has(n, reached, published)]:
            if self._poll(behind):
                came = time.monotonic()
            elif time.monotonic() > came + _PATIENCE:
                self._fill_ends(behind, published)

    def _has(self, partition: int, reached: int, published: _Published) -> bool:
        cursor = self._cursors[partition]
        return cursor.position >= reached or cursor.sequence >= published.sequences[partition]

    def _poll(self, wanted: Sequence[int]) -> bool:
        """Take what the client has, of partitions that are not wanted so much; say whether anything came."""
        for partition, cursor in self._cursors.items():
            if len(cursor.taken) > _MOST_AHEAD:
                self._consumer.pause(TopicPartition(self._topic, partition))
        self._consumer.resume(*[one for one in self._consumer.paused() if one.partition in wanted])
        came = self._consumer.poll(_POLL_MS, max_records=_MOST_RECORDS)
        for partition, records in came.items():
            self._accept(partition.partition, self._cursors[partition.partition], records)
        return bool(came)

    def _accept(self, partition: int, cursor: _Cursor, records: Sequence[ConsumerRecord]) -> None:
        """Take the records that go on from the cursor: what comes again is passed over, what is missing filled in."""
        for record in records:
            try:
                event = read_record(partition, record.value, record.headers)
            except UnreadableRecord as cause:
                self._tell(
                    f"{self._topic}, partition {partition}, offset {record.offset}: {cause}; passed over"
                )
                continue
            if event.sequence <= cursor.sequence:
                if event.position > cursor.position:
                    raise HoleInTopic(topic=self._topic, partition=partition, sequence=event.sequence)
                cursor.sure = True
                continue
            if event.sequence > cursor.sequence + 1:
                if not cursor.sure and record.offset > 0:
                    cursor.sure = True  # records are missing before this: look for ours from the beginning
                    self._seek(partition, 0)
                    return
                self._fill(partition, cursor, event.sequence - 1, event.position - 1)
            cursor.sure = True
            cursor.position, cursor.sequence = event.position, event.sequence
            cursor.taken.append(_Taken(event.position, event.row(), record.offset))

    def _fill_ends(self, partitions: Sequence[int], published: _Published) -> None:
        """Fill in what is published and not there at the end of a partition."""
        for partition in partitions:
            here = TopicPartition(self._topic, partition)
            end = self._consumer.end_offsets([here], timeout_ms=_ANSWER_MS)[here]
            if self._consumer.position(here) >= end:
                cursor = self._cursors[partition]
                self._fill(partition, cursor, published.sequences[partition], published.position)

    def _fill(self, partition: int, cursor: _Cursor, last: int, until: int) -> None:
        """Read from the log what the topic lacks: the events after the cursor up to the sequence number `last`."""
        first = cursor.sequence + 1
        with self._log.connection() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM log.events WHERE partition = %s AND position > %s AND position <= %s "
                "ORDER BY position",
                (partition, cursor.position, until),
            ).fetchall()
        if len(rows) != last - first + 1:
            raise HoleInTopic(topic=self._topic, partition=partition, sequence=first)
        cursor.taken.extend(_Taken(row[0], tuple(row)) for row in rows)
        cursor.position, cursor.sequence = rows[-1][0], last
        missing = f"sequence {first} is" if first == last else f"sequences {first} to {last} are"
        self._tell(f"{self._topic}, partition {partition}: {missing} missing; read from the log")

    # -- handing out ------------------------------------------------------------------------------------------

    def _handed_out(self, partition: int, reached: int) -> Sequence[tuple[Any, ...]]:
        cursor = self._cursors[partition]
        cursor.after = reached
        rows = []
        while cursor.taken and cursor.taken[0].position <= reached:
            taken = cursor.taken.popleft()
            rows.append(taken.row)
            cursor.offset = cursor.offset if taken.offset is None else taken.offset
        return rows

    def _tell_offsets(self) -> None:
        """Tell Kafka what was handed out before: whoever reads on has taken it."""
        if self._told is None:
            return
        self._told.tell(
            {
                TopicPartition(self._topic, partition): cursor.offset + 1
                for partition, cursor in self._cursors.items()
                if cursor.offset is not None
            }
        )
