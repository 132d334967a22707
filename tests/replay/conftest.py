from collections.abc import Callable

import psycopg
import pytest

from projections.projector import Projector
from projections.schema import prepare
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
