"""Several projectors at once, each a process of its own, as `backstory project` runs them."""

import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Event

import psycopg

from projections.definition import Models
from projections.models import ALL
from projections.projector import Projector
from streams.follower import Follower, LogFollower
from streams.kafka.follower import KafkaFollower
from streams.kafka.topics import Topics
from streams.log import Log
from tests.benchmarks import machine

_BUSY = 0x70617274  # the locks of partitions that projectors hold


@contextmanager
def running(
    conninfo: str, names: Sequence[str], workers: int, through: tuple[str, str] | None = None
) -> Iterator[None]:
    """Run so many projectors of these read models; they have divided the partitions when the block begins.

    They read the log, or `through` Kafka: its servers and the prefix of its topics.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    processes = [
        context.Process(target=_project, args=(conninfo, names, stop, through)) for _ in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        _wait_until_shared(conninfo, workers)
        yield
    finally:
        stop.set()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        sys.exit("a projector failed")


def _project(conninfo: str, names: Sequence[str], stop: Event, through: tuple[str, str] | None) -> None:
    over = threading.Event()

    def open_follower(log: Log) -> Follower:
        if through is None:
            return LogFollower(log)
        return KafkaFollower(log, through[0], Topics(through[1]), sys.stderr.write)

    threading.Thread(target=lambda: (stop.wait(), over.set()), daemon=True).start()
    with Log(conninfo, machine.MASTER_KEY) as log:
        Projector(log, conninfo, Models(ALL.named(names)), open_follower=open_follower).run(over)


def _wait_until_shared(conninfo: str, workers: int) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            rows = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted "
                "GROUP BY pid",
                (_BUSY,),
            ).fetchall()
            if len(rows) == workers and sum(held for (held,) in rows) == 12:
                return
            time.sleep(0.05)
