"""A running service: a real application on a real PostgreSQL, and a projector that follows."""

import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.testclient import TestClient

from api.http.app import create_app
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.api.http.v1.running import Service, make_key
from tests.conftest import MASTER_KEY


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

    def started(rate: float = 1000.0, patience: float = 30.0, **more: Any) -> Service:
        app = create_app(database, log, rate=rate, patience=patience, **more)
        client = TestClient(app, raise_server_exceptions=True)
        client.__enter__()
        clients.append(client)
        return Service(client, log, make_key(log, "admin"))

    yield started
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def shared(server: str, template: str) -> Iterator[Service]:
    """One application for all tests of a module that only ask what is refused; nobody keeps its read models current."""
    name = f"shared_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    conninfo = make_conninfo(server, dbname=name)
    prepare(conninfo)
    with Log(conninfo, MASTER_KEY) as log, TestClient(create_app(conninfo, log)) as client:
        yield Service(client, log, make_key(log, "admin"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def service(projecting: None, start: Callable[..., Service]) -> Service:
    """A running service, asked as an admin."""
    del projecting
    return start()
