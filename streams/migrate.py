"""Migrations of the log: numbered SQL files, forward only, each recorded with its digest."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

import psycopg

from streams.errors import MigrationMismatch

_LOCK = 0x6261636B  # "back"


def migrations() -> list[tuple[str, str]]:
    """Return (name, SQL) of every migration in its order."""
    folder = files("streams") / "migrations"
    found = sorted(path.name for path in folder.iterdir() if path.name.endswith(".sql"))
    return [(name.removesuffix(".sql"), (folder / name).read_text(encoding="utf-8")) for name in found]


def migrate(conninfo: str) -> list[str]:
    """Bring the log's schema up to date, one transaction for all; return the names of what was applied.

    Safe to call from many processes at once. Raises MigrationMismatch when an applied file has changed since, or
    when the database knows a migration that these files do not.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute("CREATE SCHEMA IF NOT EXISTS log")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS log.migrations (name text PRIMARY KEY, digest text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        applied: dict[str, str] = dict(
            connection.execute("SELECT name, digest FROM log.migrations").fetchall()
        )
        for name in foreign(applied):
            raise MigrationMismatch(migration=name)
        fresh = [(name, sql) for name, sql in migrations() if name not in applied]
        for name, sql in fresh:
            connection.execute(sql.encode())
            connection.execute(
                "INSERT INTO log.migrations (name, digest) VALUES (%s, %s)", (name, _digest(sql))
            )
    return [name for name, _ in fresh]


def foreign(applied: Mapping[str, str]) -> list[str]:
    """Return which of these applied migrations, given with their digests, are not those of these files."""
    ours = {name: _digest(sql) for name, sql in migrations()}
    return [name for name, digest in applied.items() if ours.get(name) != digest]


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()
