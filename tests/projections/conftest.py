import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from projections.projector import Projector
from projections.schema import prepare
from streams.follower import Follower, LogFollower
from streams.log import Log

Ask = Callable[..., list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def template(prepared: str) -> str:
    """Each test's database has its read models from the start."""
    return prepared


@pytest.fixture
def ask(database: str) -> Ask:
    """Ask the database as its owner, or as an analyst of a tenant."""

    def asked(sql: str, *values: object, analyst_of: str | None = None) -> list[tuple[object, ...]]:
        with psycopg.connect(database) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            if analyst_of is not None:
                connection.execute("SELECT set_config('backstory.tenant', %s, false)", (analyst_of,))
                connection.execute("SET ROLE backstory_analyst")
            return connection.execute(sql.encode(), values or None).fetchall()

    return asked


@pytest.fixture
def projector(log: Log, database: str) -> Projector:
    """A projector of every read model on a prepared database."""
    prepare(database)
    return Projector(log, database)


@contextmanager
def running(log: Log, open_follower: Callable[[Log], Follower] = LogFollower) -> Iterator[None]:
    """Run a projector in a thread; whatever ended it before it was stopped is raised at the end."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            Projector(log, log.conninfo, open_follower=open_follower).run(stop)
        except BaseException as cause:  # noqa: BLE001 - raised below
            failed.append(cause)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive(), "the projector did not stop"
        if failed:
            raise failed[0]


def parts(ask: Ask) -> list[int]:
    """Return how many partitions each projector of this database holds, the smallest part first."""
    rows = ask(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid"
    )
    return sorted(int(str(count)) for (count,) in rows)
