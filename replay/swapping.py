"""Putting freshly built tables in the place of the live ones, in one short transaction."""

import time
from collections.abc import Sequence

import psycopg
from psycopg import errors as pg

from projections.checkpoints import CHANNEL, positions, replacing
from projections.definition import ReadModel
from projections.schema import register
from projections.tables import tables_of
from projections.views import create_views, drop_views
from replay.building import NotThisBuild, follow
from streams.log import Log

_PATIENCE = 120.0  # seconds in which the swap is tried between readers
_LOCK_TIMEOUT = "400ms"  # below PostgreSQL's deadlock_timeout: it is we who give way


class SwapBlocked(Exception):
    """Readers kept the live tables locked all the time; the build is kept and can be swapped in later."""


def swap(
    log: Log, connection: psycopg.Connection, models: Sequence[ReadModel], suffix: str
) -> dict[str, int]:
    """Swap these models' tables for their builds; return the checkpoint of each.

    Projectors are kept from writing first, their next batch waits; the last events are folded into
    the build, then tables are renamed and the views made anew. Readers see all of the old or all of the new.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        for model in models:
            follow(log, connection, model, suffix, checkpoint(connection, model))
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                return _swap(log, connection, models, suffix)
        except (pg.LockNotAvailable, pg.DeadlockDetected) as cause:
            if time.monotonic() > deadline:
                raise SwapBlocked(f"no moment without readers in {_PATIENCE:.0f} s") from cause
            time.sleep(0.05)


def checkpoint(connection: psycopg.Connection, model: ReadModel) -> list[int]:
    """Return how far the live tables of a model are, by partition."""
    found = positions(connection, model.name)
    if not found:
        raise NotThisBuild(f"{model.name} was never prepared")
    return found


def _swap(
    log: Log, connection: psycopg.Connection, models: Sequence[ReadModel], suffix: str
) -> dict[str, int]:
    reached: dict[str, int] = {}
    for model in sorted(models, key=lambda model: model.name):
        replacing(connection, model.name)
        places = checkpoint(connection, model)
        follow(log, connection, model, suffix, places)
        reached[model.name] = min(places)
    drop_views(connection)
    for model in models:
        _replace(connection, model, suffix)
    create_views(connection, again=True)
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(min(reached.values()))))
    return reached


def _replace(connection: psycopg.Connection, model: ReadModel, suffix: str) -> None:
    known = connection.execute("SELECT name FROM model.tables WHERE model = %s", (model.name,)).fetchall()
    for (name,) in known:
        connection.execute(f'DROP TABLE model."{name}"'.encode())
    for table in tables_of(model):
        connection.execute(f'ALTER TABLE {table.named(suffix)} RENAME TO "{table.name}"'.encode())
    connection.execute("DELETE FROM model.held WHERE model = %s AND suffix = ''", (model.name,))
    connection.execute(
        "UPDATE model.held SET suffix = '' WHERE model = %s AND suffix = %s", (model.name, suffix)
    )
    connection.execute("DELETE FROM model.builds WHERE model = %s AND suffix = %s", (model.name, suffix))
    register(connection, model)
