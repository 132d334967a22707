"""Read models through Kafka: how soon an event is seen, and events a second beside following the log itself."""

import multiprocessing
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.synchronize import Event

import psycopg

from domain.order import PaymentReceived
from projections.checkpoints import CHANNEL
from projections.projector import Projector
from projections.schema import prepare
from projections.waiting import wait
from replay.rebuild import rebuild
from streams.kafka.follower import KafkaFollower
from streams.kafka.relay import Relay
from streams.kafka.topics import Topics
from streams.log import Log
from streams.migrate import migrate
from streams.records import Append, Change
from tests.benchmarks import _generated, machine
from tests.benchmarks._projectors import running
from tests.kafka.broker import lent

_ORDERS = 20_000
_WORKERS = (1, 2, 4)
_RATES = (500, 2_000)
_SECONDS = 10.0
_WRITERS = 32


def main() -> None:
    """Print the delay from append to visible at two rates, and the speed of projecting and of rebuilding."""
    with machine.server() as server, lent() as broker:
        servers = broker.bootstrap
        with machine.database(server) as conninfo:
            _catching_up(conninfo, servers)
        for rate in _RATES:
            with machine.database(server) as conninfo:
                _delays(conninfo, servers, rate)


def _catching_up(conninfo: str, servers: str) -> None:
    migrate(conninfo)
    prepare(conninfo)
    events = _generated.orders(conninfo, _ORDERS)
    topics = Topics("bench")
    with Log(conninfo, machine.MASTER_KEY) as log:
        with _relaying(conninfo, servers, topics):
            _until_published(conninfo, events)
        for through, name in ((None, "the log"), ((servers, "bench"), "Kafka")):
            for workers in _WORKERS:
                _begin_anew(conninfo)
                with running(conninfo, ["orders"], workers, through):
                    _show(conninfo, events)
                    began = time.perf_counter()
                    if not wait(log, events, 600, ["orders"]):
                        sys.exit("the projectors did not get there")
                    speed = events / (time.perf_counter() - began)
                _say(f"orders from {name}, projectors: {workers}", f"{speed:,.0f} events/s")
        Projector(log, conninfo).catch_up()
        _say("orders rebuilt from the log", _rebuilt(log, None))
        with closing(KafkaFollower(log, servers, topics, sys.stderr.write)) as follower:
            _say("orders rebuilt from Kafka", _rebuilt(log, follower))


def _begin_anew(conninfo: str) -> None:
    """Drop every read model, and hide the log and what is published of it until `_show`."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("DROP SCHEMA model CASCADE")
        connection.execute("DROP SCHEMA read CASCADE")
        connection.execute("ALTER TABLE log.published ADD COLUMN IF NOT EXISTS kept bigint[]")
        connection.execute(
            "UPDATE log.published SET kept = coalesce(kept, sequences), position = 0, "
            "sequences = array_fill(0::bigint, ARRAY[cardinality(sequences)])"
        )
    prepare(conninfo)
    _generated.move_head(conninfo, 0)


def _show(conninfo: str, events: int) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE log.published SET position = %s, sequences = kept", (events,))
        connection.execute("NOTIFY backstory_published")
    _generated.move_head(conninfo, events)


def _rebuilt(log: Log, follower: KafkaFollower | None) -> str:
    (found,) = rebuild(log, ["orders"], reason="benchmark", follower=follower).models
    return f"{found.events / found.seconds:,.0f} events/s, {found.differing} rows differ"


def _delays(conninfo: str, servers: str, rate: int) -> None:
    migrate(conninfo)
    prepare(conninfo)
    topics = Topics(f"bench{rate}")
    visible = "SELECT min(position) FROM model.places WHERE name = 'orders'"
    with (
        Log(conninfo, machine.MASTER_KEY) as log,
        _relaying(conninfo, servers, topics),
        running(conninfo, ["orders"], 1, (servers, topics.prefix)),
        _seen(conninfo, CHANNEL, visible) as shown,
        _seen(conninfo, "backstory_published", "SELECT position FROM log.published") as carried,
        ThreadPoolExecutor(_WRITERS) as writers,
    ):
        began = time.perf_counter()
        appended = list(writers.map(lambda n: _append(log, began + n / rate), range(int(rate * _SECONDS))))
        wait(log, log.head(), 60, ["orders"])
        time.sleep(0.1)
    real = len(appended) / (max(at for _, at in appended) - began)
    for what, seen in (("published to Kafka", carried), ("visible through Kafka", shown)):
        delays = sorted(_delay(position, at, seen) for position, at in appended[rate:])  # a second to warm up
        p50, p99 = statistics.median(delays), delays[int(len(delays) * 0.99)]
        _say(f"from append to {what} at {real:,.0f}/s", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms")


def _append(log: Log, due: float) -> tuple[int, float]:
    """Append one event when it is due; return its position and when it was acknowledged."""
    time.sleep(max(0.0, due - time.perf_counter()))
    event = PaymentReceived(
        occurred_at=datetime.now(UTC), payment_id=uuid.uuid4().hex, currency="EUR", amount=Decimal("12.30")
    )
    change = Change(stream=f"order-{uuid.uuid4()}", expected=0, events=[event])
    done = log.append(Append(tenant="main", changes=[change], actor="bench", source="bench"))
    return done.position, time.perf_counter()


@contextmanager
def _seen(conninfo: str, channel: str, query: str) -> Iterator[list[tuple[float, int]]]:
    """Watch how far something is, as it tells on a channel; the list has every change, when it could be seen."""
    seen: list[tuple[float, int]] = [(0.0, 0)]
    over = threading.Event()

    def watch() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"LISTEN {channel}".encode())
            while not over.is_set():
                if not list(connection.notifies(timeout=0.1, stop_after=1)):
                    continue
                row = connection.execute(query.encode()).fetchone()
                if row is not None and row[0] > seen[-1][1]:
                    seen.append((time.perf_counter(), row[0]))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _delay(position: int, at: float, seen: list[tuple[float, int]]) -> float:
    """Return the milliseconds after which an event could be seen."""
    low, high = 0, len(seen) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if seen[middle][1] >= position else (middle + 1, high)
    return max(0.0, (seen[low][0] - at) * 1000)


@contextmanager
def _relaying(conninfo: str, servers: str, topics: Topics) -> Iterator[None]:
    """Run a relay, a process of its own as `backstory relay` is."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_relay, args=(conninfo, servers, topics, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _relay(conninfo: str, servers: str, topics: Topics, stop: Event) -> None:
    Relay(conninfo, servers, topics, sys.stderr.write).run(stop)  # type: ignore[arg-type]  # as a thread's


def _until_published(conninfo: str, events: int) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while (
            connection.execute("SELECT FROM log.published WHERE position >= %s", (events,)).fetchone() is None
        ):
            time.sleep(0.05)


def _say(what: str, told: str) -> None:
    sys.stdout.write(f"{what:50} {told}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
