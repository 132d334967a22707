"""Two sets of tables of one read model: equal by digests of buckets, else the rows that differ and why."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import IsolationLevel

from projections.definition import ReadModel
from projections.tables import Table, tables_of

_BUCKETS = 4_096
_SHOWN = 200  # differing rows that are shown with their events; all are counted


@dataclass(frozen=True, slots=True)
class Explained:
    """An event behind a row that differs."""

    position: int
    stream: str
    version: int
    type: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the live table and the fresh fold do not agree on; None where one has no such row."""

    table: str
    tenant: str
    key: tuple[str, ...]
    live: dict[str, Any] | None
    fresh: dict[str, Any] | None
    events: tuple[Explained, ...] = field(default=())

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that differ."""
        if self.live is None or self.fresh is None:
            return ()
        return tuple(name for name, value in self.live.items() if self.fresh.get(name) != value)


def digests(connection: psycopg.Connection, table: Table, suffix: str) -> dict[int, tuple[int, str]]:
    """Return the rows and the digest of each bucket of a table, as the transaction sees it, in any row order."""
    rows = connection.execute(
        f"SELECT {_bucket(table)}, count(*), sum(hashtextextended({_text(table)}, 0)::numeric)::text "
        f"FROM {table.named(suffix)} GROUP BY 1"
    ).fetchall()
    return {bucket: (count, digest) for bucket, count, digest in rows}


def rows(connection: psycopg.Connection, table: Table, suffix: str, buckets: Sequence[int]) -> dict[Any, str]:
    """Return the digest of every row in these buckets, by key."""
    found = connection.execute(
        f"SELECT {', '.join(_names(table.key))}, hashtextextended({_text(table)}, 0) FROM {table.named(suffix)} "
        f"WHERE {_bucket(table)} = ANY(%s)",
        (list(buckets),),
    ).fetchall()
    return {tuple(row[:-1]): row[-1] for row in found}


def shown(
    connection: psycopg.Connection, table: Table, suffix: str, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return these rows as JSON values, by key."""
    match = " AND ".join(f"t.{name}::text = k.{name}" for name in _names(table.key))
    columns = ", ".join(_names(table.key))
    unnested = ", ".join("%s::text[]" for _ in table.key)
    found = connection.execute(
        f"SELECT {', '.join(f't.{name}' for name in _names(table.key))}, to_jsonb(t) FROM {table.named(suffix)} t "
        f"JOIN unnest({unnested}) AS k ({columns}) ON {match}",
        [[str(key[n]) for key in keys] for n in range(len(table.key))],
    ).fetchall()
    return {tuple(row[:-1]): row[-1] for row in found}


@dataclass(slots=True)
class Sides:
    """Two connections, each with its own view of time, and the suffix of the fresh tables."""

    live: psycopg.Connection
    fresh: psycopg.Connection
    suffix: str


@contextmanager
def snapshot(conninfo: str) -> Iterator[psycopg.Connection]:
    """Lend a connection of the application's role that sees the database as it is at its first statement."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET ROLE backstory_app")
        connection.commit()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


def compare(sides: Sides, model: ReadModel) -> tuple[int, list[Difference]]:
    """Return how many rows differ between live and fresh tables, and the first of them with their values."""
    count = 0
    listed: list[Difference] = []
    for table in tables_of(model):
        keys = list(_differing(sides, table))
        count += len(keys)
        listed += _listed(sides, table, keys[: max(0, _SHOWN - len(listed))])
    return count, listed


def _differing(sides: Sides, table: Table) -> Iterator[tuple[Any, ...]]:
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(digests, sides.fresh, table, sides.suffix)
        live = digests(sides.live, table, "")
        fresh = coming.result()
    odd = sorted(bucket for bucket in live.keys() | fresh.keys() if live.get(bucket) != fresh.get(bucket))
    for start in range(0, len(odd), 64):
        some = odd[start : start + 64]
        ours = rows(sides.live, table, "", some)
        theirs = rows(sides.fresh, table, sides.suffix, some)
        yield from sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))


def _listed(sides: Sides, table: Table, keys: Sequence[tuple[Any, ...]]) -> list[Difference]:
    if not keys:
        return []
    ours = shown(sides.live, table, "", keys)
    theirs = shown(sides.fresh, table, sides.suffix, keys)
    return [
        Difference(table.name, key[0], tuple(map(str, key[1:])), ours.get(key), theirs.get(key))
        for key in keys
    ]


def _names(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _bucket(table: Table) -> str:
    key = " || chr(31) || ".join(f"{name}::text" for name in _names(table.key))
    return f"abs(mod(hashtextextended({key}, 0), {_BUCKETS}))::int"


def _text(table: Table) -> str:
    """Return the SQL of a row as text, the same for equal values however they are written."""
    values = [
        f"trim_scale({name})" if kind == "numeric" else name
        for name, kind in zip(_names(list(table.columns)), table.columns.values(), strict=True)
    ]
    return f"ROW({', '.join(values)})::text"
