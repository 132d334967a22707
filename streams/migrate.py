"""Migrations of the log: numbered SQL files, forward only, each recorded with its digest."""

import hashlib
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
        ours = {name: (sql, hashlib.sha256(sql.encode()).hexdigest()) for name, sql in migrations()}
        for name, digest in applied.items():
            if name not in ours or ours[name][1] != digest:
                raise MigrationMismatch(migration=name)
        fresh = [name for name in ours if name not in applied]
        for name in fresh:
            sql, digest = ours[name]
            connection.execute(sql.encode())
            connection.execute("INSERT INTO log.migrations (name, digest) VALUES (%s, %s)", (name, digest))
    return fresh
