from collections.abc import Iterator

import psycopg
import pytest

from streams.log import Log
from tests.streams.requests import append

DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture(params=["owner", "application"])
def connection(request: pytest.FixtureRequest, database: str, log: Log) -> Iterator[psycopg.Connection]:
    log.append(append("order-1", 0))
    with psycopg.connect(database) as connection:
        if request.param == "application":
            connection.execute("SET ROLE backstory_app")
        yield connection
        connection.rollback()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log.events SET actor = 'other'",
        "UPDATE log.events SET actor = 'other' WHERE false",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "TRUNCATE log.events CASCADE",
    ],
)
def test_the_database_refuses_every_change_of_an_event(connection: psycopg.Connection, change: str) -> None:
    with pytest.raises(DENIED):
        connection.execute(change.encode())


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO log.events SELECT * FROM log.events",
        "UPDATE log.head SET position = 0",
        "DELETE FROM log.commands",
        "DELETE FROM log.claims",
        "UPDATE log.keys SET wrapped = NULL, destroyed_at = now()",
        "DELETE FROM log.keys",
        "INSERT INTO log.migrations VALUES ('x', 'y')",
        "UPDATE log.tracking SET position = 0",
    ],
)
def test_the_application_writes_to_the_log_through_append_alone(database: str, log: Log, change: str) -> None:
    log.append(append("order-1", 0))
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE backstory_app")
        with pytest.raises(DENIED):
            connection.execute(change.encode())


def test_a_role_that_is_not_the_application_cannot_append(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE backstory_analyst")
        with pytest.raises(DENIED):
            connection.execute("SELECT log.append('{}')")
