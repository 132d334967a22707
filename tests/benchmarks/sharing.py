"""Sharing Kafka's partitions by locks and by a group: how long some are unread when a reader comes, goes, is killed.

Readers are processes that do nothing but read; a record is written to every partition every 20 ms. The figure is the
longest time from a record's write to its first reading: what a partition without a reader costs.
"""

import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import TopicPartition

from projections.sharing import Share
from tests.benchmarks import machine
from tests.kafka.broker import lent

_PARTITIONS = 12
_TURNS = 3
_EVERY = 0.02
_CALM = 3.0  # seconds between two changes
_MOST = 120.0  # seconds that a change may take
_POLL_MS = 50


class Way(NamedTuple):
    """How readers share: what a process runs, and the consumer's settings for it."""

    name: str
    read: Callable[..., None]
    settings: Mapping[str, Any]


def main() -> None:
    """Print, for each way, the median and the longest of what a reader that comes, goes or is killed costs."""
    quick = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500}  # 6 s: the least that a broker allows
    ways = (
        Way("PostgreSQL's locks", _by_locks, {}),
        Way("group, defaults", _by_group, {}),
        Way("group, 6 s session", _by_group, quick),
    )
    with machine.server() as server, lent() as broker:
        for way in ways:
            with machine.database(server) as conninfo:
                _measure(way, conninfo, broker.bootstrap)


def _measure(way: Way, conninfo: str, servers: str) -> None:
    topic = f"sharing-{os.urandom(4).hex()}"
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic(topic, _PARTITIONS, 1)], wait_for_metadata=True)
    admin.close()
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "CREATE TABLE place AS SELECT n, 0::bigint AS next FROM generate_series(0, 11) AS n"
        )
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, _writing(servers, topic), ExitStack() as stack:
        crowd = _Crowd(way, conninfo, servers, topic, Path(folder) / "read")
        stack.callback(crowd.end)
        crowd.come()
        crowd.come()
        crowd.settle(time.time())
        for _ in range(_TURNS):
            for what, change in (
                ("comes", crowd.come),
                ("goes", crowd.go),
                ("comes", crowd.come),
                ("is killed", crowd.kill),
            ):
                time.sleep(_CALM)
                began = time.time()
                change()
                found.setdefault(what, []).append(crowd.settle(began))
    for what, seconds in found.items():
        told = f"median {statistics.median(seconds):5.2f} s, longest {max(seconds):5.2f} s"
        sys.stdout.write(f"{way.name:20} a third reader {what:10} {told}\n")
        sys.stdout.flush()


class _Crowd:
    """The readers of one way; the last that came goes first."""

    def __init__(self, way: Way, conninfo: str, servers: str, topic: str, notes: Path) -> None:
        self._way = way
        self._arguments = (conninfo, servers, topic, str(notes), dict(way.settings))
        self._notes = notes
        self._processes: list[BaseProcess] = []
        notes.touch()

    def come(self) -> None:
        """Let one more reader come, and wait until it reads."""
        context = multiprocessing.get_context("spawn")
        self._processes.append(context.Process(target=self._way.read, args=self._arguments))
        self._processes[-1].start()
        pid, until = self._processes[-1].pid, time.monotonic() + _MOST
        while not any(note.reader == pid for note in self._read()):
            if time.monotonic() > until:
                sys.exit(f"{self._way.name}: a reader was given nothing in {_MOST:.0f} s")
            time.sleep(0.1)

    def go(self) -> None:
        """Ask the last to stop, and wait for its end."""
        self._stop(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 the last."""
        self._stop(signal.SIGKILL)

    def _stop(self, number: signal.Signals) -> None:
        process = self._processes.pop()
        os.kill(process.pid or 0, number)
        process.join()

    def settle(self, began: float) -> float:
        """Wait until what was written in a calm after the change is read; return the longest delay since it began."""
        through = time.time() + _CALM
        until = time.time() + _MOST
        while len({note.partition for note in self._read() if note.written > through}) < _PARTITIONS:
            if time.time() > until:
                sys.exit(f"{self._way.name}: some partition was not read for {_MOST:.0f} s")
            time.sleep(0.1)
        first: dict[tuple[int, float], float] = {}
        for note in self._read():
            if began - 1 < note.written < through:
                first.setdefault((note.partition, note.written), note.read)
        return max(read - written for (_, written), read in first.items())

    def end(self) -> None:
        """Kill all."""
        for process in self._processes:
            process.kill()
            process.join()

    def _read(self) -> Iterator["_Note"]:
        for line in self._notes.read_text().splitlines():
            reader, partition, written, read = line.split()
            yield _Note(int(reader), int(partition), float(written), float(read))


class _Note(NamedTuple):
    """That a record was read: by whom, of which partition, when it was written, when it was read."""

    reader: int
    partition: int
    written: float
    read: float


@contextmanager
def _writing(servers: str, topic: str) -> Iterator[None]:
    over = threading.Event()

    def write() -> None:
        producer = KafkaProducer(bootstrap_servers=servers)
        while not over.wait(_EVERY):
            for partition in range(_PARTITIONS):
                producer.send(topic, str(time.time()).encode(), partition=partition)
        producer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _stopping() -> threading.Event:
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    return over


def _note(notes: int, records: Mapping[TopicPartition, Sequence[Any]]) -> None:
    read = time.time()
    lines = [
        f"{os.getpid()} {one.partition} {record.value.decode()} {read}\n"
        for one in records
        for record in records[one]
    ]
    os.write(notes, "".join(lines).encode())


def _by_group(conninfo: str, servers: str, topic: str, notes: str, settings: dict[str, Any]) -> None:
    """Read as a member of a consumer group; its places are committed to Kafka."""
    del conninfo
    over, file = _stopping(), os.open(notes, os.O_WRONLY | os.O_APPEND)
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=f"group-of-{topic}",
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=_POLL_MS,
        partition_assignment_strategy=[CooperativeStickyAssignor],
        **settings,
    )
    consumer.subscribe([topic])
    while not over.is_set():
        if records := consumer.poll(_POLL_MS, max_records=10_000):
            _note(file, records)
            consumer.commit_async()
    consumer.close()


def _by_locks(conninfo: str, servers: str, topic: str, notes: str, settings: dict[str, Any]) -> None:
    """Read what PostgreSQL's locks give, as projectors do; places are kept in PostgreSQL."""
    over, file = _stopping(), os.open(notes, os.O_WRONLY | os.O_APPEND)
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=None,
        auto_offset_reset="latest",
        fetch_max_wait_ms=_POLL_MS,
        **settings,
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        share = Share(connection, _PARTITIONS)
        share.join()
        while not over.is_set():
            if share.take():
                mine = [TopicPartition(topic, partition) for partition in share.held]
                consumer.assign(mine)
                kept = dict(connection.execute("SELECT n, next FROM place WHERE next > 0").fetchall())
                for one in mine:
                    if one.partition in kept:
                        consumer.seek(one, kept[one.partition])
            records = consumer.poll(_POLL_MS, max_records=10_000) if share.held else {}
            if records:
                _note(file, records)
                connection.execute(
                    "UPDATE place SET next = q.next FROM unnest(%s::int[], %s::bigint[]) AS q (n, next) "
                    "WHERE place.n = q.n",
                    ([one.partition for one in records], [records[one][-1].offset + 1 for one in records]),
                )
    consumer.close()


if __name__ == "__main__":
    main()
