"""The relay beside kafka-producer-perf-test: events a second to the same broker, and what takes the time."""

import statistics
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import psutil
import psycopg

from domain.order import OrderLine, OrderPlaced
from streams.kafka.provision import events_topic, provide
from streams.kafka.relay import Relay
from streams.kafka.topics import Topics
from streams.log import Log
from streams.migrate import migrate
from streams.records import Append, Asked, Change
from tests.benchmarks import machine
from tests.kafka.broker import JARS, Broker, lent

EVENTS = 300_000
ROUNDS = 3
_LINE = OrderLine(
    sku="85123A",
    title="WHITE HANGING HEART T-LIGHT HOLDER",
    quantity=Decimal(6),
    unit_price=Decimal("2.55"),
)


def main() -> None:
    """Print events per second of both, their ratio to each other and to the log's appends, and the relay's memory."""
    with machine.server() as server, machine.database(server) as database, lent() as broker:
        migrate(database)
        appended = _fill(database)
        size = _record_size(database)
        _say(f"{EVENTS:,} events of about 300 bytes of data, {size} bytes a record with key and headers")
        _say(f"{'append_many, one thread':44} {appended:10,.0f} /s")
        relayed, performed = [], []
        for round_ in range(ROUNDS):
            relayed.append(_relay(database, broker, Topics(f"bench{round_}")))
            performed.append(_perf_test(broker, f"perf{round_}", size))
        ours, peer = statistics.median(relayed), statistics.median(performed)
        _say(f"{'kafka-producer-perf-test, lz4, acks=all':44} {peer:10,.0f} /s")
        ratios = f"{ours / peer:5.2f} x the perf test, {ours / appended:.1f} x append_many"
        _say(f"{'the relay':44} {ours:10,.0f} /s   {ratios}")


def _fill(database: str) -> float:
    began = time.monotonic()
    with Log(database, machine.MASTER_KEY) as log:
        for first in range(0, EVENTS, 2_000):
            log.append_many([_append(n) for n in range(first, first + 2_000)])
    return EVENTS / (time.monotonic() - began)


def _append(n: int) -> Append:
    placed = OrderPlaced(
        occurred_at=datetime.now(UTC),
        source="shop",
        source_id=str(n),
        currency="GBP",
        total=Decimal("15.30"),
        lines=(_LINE,),
        customer_id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(n // 10))),
    )
    return Append(
        tenant="main",
        actor="shop",
        source="shop",
        changes=[Change(stream=f"order-{uuid.uuid4()}", expected=0, events=[placed])],
        asked=Asked(command_id=f"order-{n}", fingerprint=bytes(32), answer={"id": str(n)}),
    )


def _record_size(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT avg(length(data::text))::int FROM log.events").fetchone()
    return int(row[0]) + 620 if row else 0  # key and headers


def _relay(database: str, broker: Broker, topics: Topics) -> float:
    """Publish the whole log in a process of its own would; here in a thread, so that a profiler sees it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM log.published")
        stop = threading.Event()
        thread = threading.Thread(target=Relay(database, broker.bootstrap, topics, _say).run, args=(stop,))
        thread.start()
        while not (first := _published(connection)):
            time.sleep(0.01)
        began = time.monotonic()
        while (position := _published(connection)) < EVENTS:
            time.sleep(0.01)
        seconds = time.monotonic() - began
        stop.set()
        thread.join()
    memory = psutil.Process().memory_info().rss / 2**20
    _say(f"    relayed {position - first:,} in {seconds:.1f} s, memory {memory:.0f} MB")
    return (position - first) / seconds


def _published(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT position FROM log.published").fetchone()
    return int(row[0]) if row else 0


def _perf_test(broker: Broker, topic: str, size: int) -> float:
    provide(broker.bootstrap, events_topic(topic, 12))
    properties = [
        "acks=all",
        "compression.type=lz4",
        "batch.size=262144",
        "linger.ms=5",
        "enable.idempotence=true",
    ]
    command = ["java", "-cp", f"{JARS}/*", "org.apache.kafka.tools.ProducerPerformance", "--topic", topic]
    command += ["--num-records", str(EVENTS), "--record-size", str(size), "--throughput", "-1"]
    command += ["--producer-props", f"bootstrap.servers={broker.bootstrap}", *properties]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, last = [line for line in done.stdout.splitlines() if "records/sec" in line]
    return float(last.split("records sent, ")[1].split(" ")[0])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
