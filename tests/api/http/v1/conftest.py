"""A running service: a real application on a real PostgreSQL, and a projector that follows."""

import threading
from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.api.http.v1.running import Service, make_key


@pytest.fixture
def projecting(database: str, log: Log) -> Iterator[None]:
    """A projector that keeps the read models at the head."""
    prepare(database)
    stop = threading.Event()
    failed: list[BaseException] = []

    def follow() -> None:
        try:
            Projector(log, database).run(stop)
        except BaseException as cause:  # noqa: BLE001 - raised again below, in the test's own thread
            failed.append(cause)

    thread = threading.Thread(target=follow, name="projector")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        make_key(log, "analyst")  # an event wakes the projector
        thread.join(30)
    assert not failed, failed
    assert not thread.is_alive()


@pytest.fixture
def start(database: str, log: Log) -> Iterator[Callable[..., Service]]:
    """Starts applications on the test's database, with read models that nobody keeps current."""
    prepare(database)
    clients: list[TestClient] = []

    def started(rate: float = 1000.0, patience: float = 30.0) -> Service:
        client = TestClient(
            create_app(database, log, rate=rate, patience=patience), raise_server_exceptions=True
        )
        client.__enter__()
        clients.append(client)
        return Service(client, log, make_key(log, "admin"))

    yield started
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def service(projecting: None, start: Callable[..., Service]) -> Service:
    """A running service, asked as an admin."""
    del projecting
    return start()
