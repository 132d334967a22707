from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from streams.log import Log
from tests.conftest import MASTER_KEY


@pytest.fixture(scope="session")
def shared_log(server: str, template: str) -> Iterator[Log]:
    """A log for tests that record nothing in it."""
    name = f"{template}_shared"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        with Log(make_conninfo(server, dbname=name), MASTER_KEY) as log:
            yield log
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
