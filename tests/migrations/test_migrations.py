import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from streams.errors import MigrationMismatch
from streams.log import Log
from streams.migrate import migrate, migrations
from tests.conftest import MASTER_KEY
from tests.streams.requests import append

# Keywords and functions that PostgreSQL 15 does not have.
TOO_NEW = re.compile(
    r"ANY_VALUE|JSON_TABLE|JSON_SCALAR|JSON_SERIALIZE|IS JSON|MERGE .* RETURNING|uuidv7|uuidv4|"
    r"RETURNING WITH|NULLS NOT DISTINCT .*WITHOUT OVERLAPS|random_normal|GENERATED ALWAYS AS \(.*\) VIRTUAL|"
    r"jsonb_strip_nulls\([^)]*, |json_array\(|json_object\(|xmltext|array_sample|array_shuffle",
    re.IGNORECASE,
)


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """The conninfo of a database without any schema of ours."""
    name = f"empty_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_migrating_twice_applies_nothing_the_second_time(empty: str) -> None:
    assert migrate(empty) == [name for name, _ in migrations()]
    assert migrate(empty) == []


def test_of_two_that_migrate_at_once_one_does_it_and_the_other_finds_it_done(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate, [empty] * 4))
    assert sorted(applied, key=len) == [[], [], [], [name for name, _ in migrations()]]


def test_a_file_that_changed_since_it_was_applied_is_refused(empty: str) -> None:
    migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE log.migrations SET digest = 'other' WHERE name = '0001_log'")
    with pytest.raises(MigrationMismatch, match="0001_log"):
        migrate(empty)


def test_a_database_of_a_newer_version_is_refused(empty: str) -> None:
    migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("INSERT INTO log.migrations VALUES ('9999_from_the_future', 'digest')")
    with pytest.raises(MigrationMismatch, match="9999_from_the_future"):
        migrate(empty)


def test_a_migration_that_fails_leaves_nothing_behind(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [*migrations(), ("9999_broken", "CREATE TABLE log.half (a int); SELECT 1 / 0")]
    monkeypatch.setattr("streams.migrate.migrations", lambda: broken)
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT to_regnamespace('log')").fetchone() == (None,)


def test_files_are_numbered_without_gaps_in_the_order_they_are_applied() -> None:
    names = [path.name for path in (files("streams") / "migrations").iterdir()]
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", name) for name in names), names
    assert [int(name[:4]) for name, _ in migrations()] == list(range(1, len(names) + 1))


@pytest.mark.parametrize("name", [name for name, _ in migrations()])
def test_a_migration_keeps_to_what_postgresql_15_understands(name: str) -> None:
    assert TOO_NEW.findall(dict(migrations())[name]) == []


def test_an_owner_who_is_no_superuser_can_migrate_and_append(empty: str, server: str) -> None:
    owner = f"owner_{secrets.token_hex(4)}"
    dbname = psycopg.conninfo.conninfo_to_dict(empty)["dbname"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'test'".encode())
        connection.execute(f"GRANT backstory_app, backstory_analyst TO {owner}".encode()) if roles(
            connection
        ) else None
        connection.execute(f"ALTER DATABASE {dbname} OWNER TO {owner}".encode())
    conninfo = make_conninfo(empty, user=owner, password="test")  # noqa: S106 - a role of this test's
    try:
        migrate(conninfo)
        with Log(conninfo, MASTER_KEY) as log:
            assert log.append(append("order-1", 0)).position == 1
    finally:
        with psycopg.connect(empty, autocommit=True) as connection:
            connection.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER".encode())
            connection.execute(f"DROP OWNED BY {owner}".encode())
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER".encode())
            connection.execute(f"DROP ROLE {owner}".encode())


def roles(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT FROM pg_roles WHERE rolname = 'backstory_app'").rowcount > 0
