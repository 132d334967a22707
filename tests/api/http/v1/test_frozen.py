"""A database that stands still: it takes connections and questions, and answers none of them."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil
import psycopg
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api.embedded import EmbeddedPostgres
from api.http.app import create_app
from api.http.v1 import read_pool
from api.http.v1.read_pool import ReadPool
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate
from tests.acceptance.running import until
from tests.api.http.v1.running import Service, make_key
from tests.conftest import MASTER_KEY

ANSWERED = 1.0
SOON = 30.0  # seconds in which all are told; one after the other would take longer
ORDER = {"source_id": "1", "currency": "EUR", "total": "1.00", "occurred_at": "2026-03-01T09:30:00Z"}
UNREADY = {"/health/ready", "/v1/leads?after=1"}
"""What waits for read models, which nobody keeps current here."""
READS = (
    "/v1/leads",
    "/v1/leads?after=1",
    "/v1/leads/1",
    "/v1/customers/1/timeline",
    "/v1/board",
    "/v1/pipelines/sales",
    "/v1/settings",
    "/v1/keys",
    "/health/ready",
    "/metrics",
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The conninfo of a database with the read models, on a server that no other test uses."""
    folder = Path(tempfile.mkdtemp(prefix="frozen-"))
    try:
        with EmbeddedPostgres(folder / "postgres") as server:
            conninfo = server.conninfo("postgres")
            migrate(conninfo)
            prepare(conninfo)
            yield conninfo
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def frozen(conninfo: str) -> Iterator[None]:
    """Let every process of a database's server stand still until the end of the block."""
    with psycopg.connect(conninfo) as connection:
        first = psutil.Process(connection.info.backend_pid).parent()
    assert first is not None
    first.send_signal(signal.SIGSTOP)
    others = first.children()
    for one in others:
        one.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for one in (*others, first):
            one.send_signal(signal.SIGCONT)


@pytest.fixture
def service(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(read_pool, "ANSWERED", ANSWERED)
    with (
        Log(postgres, MASTER_KEY, patience=ANSWERED) as log,
        TestClient(create_app(postgres, log, patience=ANSWERED)) as client,
    ):
        yield Service(client, log, make_key(log, "admin"))


@pytest.mark.parametrize("used", [False, True], ids=["a key not looked at lately", "a key just used"])
def test_while_the_database_stands_still_requests_are_told_to_come_back_and_then_it_goes_on(
    postgres: str, service: Service, *, used: bool
) -> None:
    def order() -> Response:
        return service.post("/v1/orders", ORDER, Idempotency_Key="order-1")

    keys = service.client.app.state.service.keys  # type: ignore[attr-defined]
    assert service.get("/v1/settings").status_code == 200
    until(lambda: not keys.cached(service.secret), "the last look at the keys is old")
    if used:
        assert service.get("/v1/settings").status_code == 200
    head = service.log.head()
    with ThreadPoolExecutor(60) as asking, frozen(postgres):
        asked = [asking.submit(order), *(asking.submit(service.get, path) for path in READS * 5)]
        assert not wait(asked, timeout=SOON).not_done
    for answer in [one.result() for one in asked]:
        assert answer.status_code == 503, answer.url
        assert int(answer.headers["retry-after"]) > 0
        if answer.url.path != "/health/ready":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] in {"database-unavailable", "database-busy"}
    until(lambda: service.get("/v1/leads").status_code == 200, "lists are shown again")
    assert service.log.head() == head
    until(lambda: order().status_code in {200, 201}, "orders are recorded again")
    for path in READS:
        assert service.get(path).status_code in {200, 404} or path in UNREADY, path


def test_a_query_under_way_when_the_database_stops_ends_and_its_connection_is_replaced(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_pool, "LATE", 0.5)
    reads = ReadPool(postgres, connections=1)
    backends = []

    def ask() -> None:
        with reads.of("main", 0.5) as connection:
            backends.append(connection.info.backend_pid)
            with frozen(postgres) if len(backends) == 1 else nullcontext():
                connection.execute("SELECT 1")

    reads.open()
    try:
        with pytest.raises(psycopg.OperationalError):
            ask()
        ask()
    finally:
        reads.close()
    first, second = backends
    assert first != second
    with psycopg.connect(postgres, autocommit=True) as connection:
        left = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        until(lambda: connection.execute(left, (first,)).fetchone() == (0,), "nothing is left of it")
