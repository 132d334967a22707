"""Why a row is what it is: the events that made it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from projections.definition import ReadModel
from projections.tables import tables_of
from replay.comparing import Difference, Explained

_MOST = 50  # events shown for one row, the newest


def explained(
    connection: psycopg.Connection, model: ReadModel, differences: Sequence[Difference], suffix: str
) -> list[Difference]:
    """Return these differences with the events behind each row. `suffix` is that of the fresh tables."""
    return [replace(one, events=tuple(_events(connection, model, one, suffix))) for one in differences]


def _events(
    connection: psycopg.Connection, model: ReadModel, one: Difference, suffix: str
) -> list[Explained]:
    if model.journal is not None and one.table == model.journal.name:
        return _found(connection, "tenant = %s AND position = %s", one.tenant, int(one.key[0]))
    if model.fold is None:
        return []
    keys = [one.key[0]] if one.table == model.fold.name else _keys_of_sum(connection, model, one, suffix)
    streams = [f"{kind}-{key}" for key in keys for kind in model.kinds or ()]
    return _found(connection, "tenant = %s AND stream = ANY(%s)", one.tenant, [*streams, *keys])


def _keys_of_sum(connection: psycopg.Connection, model: ReadModel, one: Difference, suffix: str) -> list[str]:
    """Return the keys of the fold's rows that add to a row of a sum, as far as their columns say so."""
    fold, fold_table = model.fold, tables_of(model)[0]
    total = next(total for total in model.sums if total.name == one.table)
    if fold is None or not total.key.keys() <= fold.columns.keys():
        return []
    match = " AND ".join(f'"{name}" = %s' for name in total.key)
    both = " UNION ".join(
        f'SELECT "{fold.key}" FROM {fold_table.named(s)} WHERE tenant = %s AND {match}' for s in ("", suffix)
    )
    found = connection.execute(
        f"{both} LIMIT 20".encode(), [one.tenant, *one.key, one.tenant, *one.key]
    ).fetchall()
    return [key for (key,) in found]


def _found(connection: psycopg.Connection, where: str, *values: Any) -> list[Explained]:  # noqa: ANN401
    rows = connection.execute(
        f"SELECT position, stream, version, type FROM log.events WHERE {where} ORDER BY position DESC LIMIT {_MOST}",
        values,
    ).fetchall()
    return [Explained(*row) for row in reversed(rows)]
