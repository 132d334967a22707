"""Schemas `model` and `read`, made from the definitions. Only the log has migrations: these are built anew."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import psycopg

from projections.definition import Models, ReadModel
from projections.models import ALL
from projections.tables import SHADOW, tables_of
from projections.views import create_views

_LOCK = 0x6D6F646C  # "modl"


def prepare(conninfo: str, models: Models = ALL) -> list[str]:
    """Make what is missing: tables, their guards, views; return the names of models that must be rebuilt.

    Such a model was made by another version of its definition; its tables and all views stay as they are until
    `replay rebuild` swaps in new ones. Safe to call from many processes at once, and again.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        for schema in ("model", "read"):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION backstory_app")
        connection.execute("SET LOCAL ROLE backstory_app")
        if not _up_to_date(connection, models):
            connection.execute(_catalog().encode())
            connection.execute(f"COMMENT ON SCHEMA model IS '{_digest(_catalog())}'".encode())
            for model in models.models:
                _prepare(connection, model)
        outdated = connection.execute(
            "SELECT name FROM model.checkpoints WHERE state = 'outdated'"
        ).fetchall()
        if not outdated:
            create_views(connection)
    return sorted(name for (name,) in outdated)


def shape(model: ReadModel) -> str:
    """Return a digest of the tables of a model as they are defined now."""
    text = "\n".join(statement for table in tables_of(model) for statement in (table.create(""), str(table)))
    return _digest(text)


def create_tables(connection: psycopg.Connection, model: ReadModel, suffix: str) -> None:
    """Create the tables of a model with their keys, indexes and guards."""
    for table in tables_of(model):
        for statement in (table.create(suffix), table.create_key(suffix), *table.create_indexes(suffix)):
            connection.execute(statement.encode())
    guard(connection, model, suffix)


def guard(connection: psycopg.Connection, model: ReadModel, suffix: str = SHADOW) -> None:
    """Let analysts read the tables of a model, each its own tenant's rows."""
    for table in tables_of(model):
        for statement in table.guard(suffix):
            connection.execute(statement.encode())


@cache
def _catalog() -> str:
    return (files("projections") / "catalog.sql").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _up_to_date(connection: psycopg.Connection, models: Models) -> bool:
    made_by = connection.execute("SELECT obj_description('model'::regnamespace, 'pg_namespace')").fetchone()
    if made_by != (_digest(_catalog()),):
        return False
    known: Iterable[tuple[str, int, str]] = connection.execute(
        "SELECT name, version, shape FROM model.checkpoints WHERE state = 'following'"
    ).fetchall()
    return {(m.name, m.version, shape(m)) for m in models.models} <= set(known)


def _prepare(connection: psycopg.Connection, model: ReadModel) -> None:
    found = connection.execute(
        "SELECT version, shape FROM model.checkpoints WHERE name = %s", (model.name,)
    ).fetchone()
    if found is None:
        create_tables(connection, model, "")
        register(connection, model)
    elif found != (model.version, shape(model)):
        connection.execute("UPDATE model.checkpoints SET state = 'outdated' WHERE name = %s", (model.name,))
    else:
        connection.execute("UPDATE model.checkpoints SET state = 'following' WHERE name = %s", (model.name,))


def register(connection: psycopg.Connection, model: ReadModel) -> None:
    """Say that the live tables of a model are of this version, and whose they are."""
    connection.execute(
        "INSERT INTO model.checkpoints (name, version, shape) VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE "
        "SET version = excluded.version, shape = excluded.shape, state = 'following', epoch = checkpoints.epoch + 1",
        (model.name, model.version, shape(model)),
    )
    connection.execute(
        "INSERT INTO model.places (name, partition) SELECT %s, n "
        "FROM log.head, generate_series(0, partitions - 1) AS n ON CONFLICT DO NOTHING",
        (model.name,),
    )
    connection.execute("DELETE FROM model.tables WHERE model = %s", (model.name,))
    for table in model.tables:
        connection.execute("INSERT INTO model.tables (name, model) VALUES (%s, %s)", (table, model.name))
