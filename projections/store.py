"""Reading and writing the tables of one read model, each with as few statements as it takes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.sql import SQL

from projections.changes import Changes, Kept, Unit
from projections.definition import ReadModel, Row
from projections.tables import Table, fold_table, journal_table, sum_table


class Store:
    """The tables of a read model, live or (`suffix` SHADOW) those of a rebuild; every call is part of a transaction."""

    def __init__(self, model: ReadModel, suffix: str = "") -> None:
        self.model = model
        self.suffix = suffix
        self._fold = fold_table(model.fold) if model.fold else None
        self._journal = journal_table(model.journal) if model.journal else None
        self._sums = [sum_table(total) for total in model.sums]
        self._decode = msgspec.json.Decoder(model.fold.state).decode if model.fold else None

    def load(self, connection: psycopg.Connection, keys: Collection[tuple[str, str]]) -> dict[Unit, Kept]:
        """Return the rows of the fold with these (tenant, key), in one query."""
        if not keys or self._fold is None or self._decode is None:
            return {}
        tenants, names = zip(*keys, strict=True)
        key = self._fold.key[1]
        rows = connection.execute(
            f"SELECT t.tenant, t.{key}, t.state::text, t.position "
            "FROM unnest(%s::text[], %s::text[]) AS k (tenant, key) "
            f"JOIN {self._fold.named(self.suffix)} t ON t.tenant = k.tenant AND t.{key} = k.key",
            (list(tenants), list(names)),
        ).fetchall()
        decode = self._decode
        return {(tenant, name): (decode(state), position) for tenant, name, state, position in rows}

    def write(self, connection: psycopg.Connection, changes: Changes) -> None:
        """Write what a batch changed."""
        if self._fold is not None:
            self._delete(connection, changes.deleted)
            self._copy(connection, self._fold, self._fold.named(self.suffix), changes.inserted)
            self._update(connection, self._fold, changes.updated)
        if self._journal is not None:
            self._retract(connection, changes.retracted)
            self._copy(connection, self._journal, self._journal.named(self.suffix), changes.entries)
        for table, sums in zip(self._sums, changes.sums, strict=True):
            self._add(connection, table, sums)

    def mark_held(self, connection: psycopg.Connection, tenant: str, key: str, position: int) -> None:
        """Mark a row, if it exists, as waiting behind an event."""
        if self._fold is not None:
            connection.execute(
                f"UPDATE {self._fold.named(self.suffix)} SET held_since = %s "
                f"WHERE tenant = %s AND {self._fold.key[1]} = %s",
                (position, tenant, key),
            )

    @staticmethod
    def _copy(connection: psycopg.Connection, table: Table, into: str, rows: Iterable[Row]) -> None:
        if not rows:
            return
        columns = ", ".join(f'"{name}"' for name in table.columns)
        with connection.cursor() as cursor, cursor.copy(SQL(f"COPY {into} ({columns}) FROM STDIN")) as copy:
            write = copy.write_row
            for row in rows:
                write(row)

    def _stage(self, connection: psycopg.Connection, table: Table, rows: Iterable[Row]) -> str:
        """Copy rows to a temporary table of the same columns and return its name."""
        name = f'pg_temp."{table.name}_in"'
        columns = ", ".join(f'"{column}" {kind}' for column, kind in table.columns.items())
        connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {table.name}_in ({columns})")
        connection.execute(f"TRUNCATE {name}")
        self._copy(connection, table, name, rows)
        return name

    def _update(self, connection: psycopg.Connection, table: Table, rows: Sequence[Row]) -> None:
        if not rows:
            return
        staged = self._stage(connection, table, rows)
        sets = ", ".join(f'"{name}" = n."{name}"' for name in table.columns if name not in table.key)
        match = " AND ".join(f't."{name}" = n."{name}"' for name in table.key)
        done = connection.execute(
            f"UPDATE {table.named(self.suffix)} t SET {sets} FROM {staged} n WHERE {match}"
        )
        if done.rowcount != len(rows):
            raise RowsMissing(f"{table.name}: {len(rows)} rows to update, {done.rowcount} found")

    def _delete(self, connection: psycopg.Connection, keys: Sequence[tuple[str, str]]) -> None:
        if keys and self._fold is not None:
            tenants, names = zip(*keys, strict=True)
            connection.execute(
                f"DELETE FROM {self._fold.named(self.suffix)} t "
                "USING unnest(%s::text[], %s::text[]) AS k (tenant, key) "
                f"WHERE t.tenant = k.tenant AND t.{self._fold.key[1]} = k.key",
                (list(tenants), list(names)),
            )

    def _retract(self, connection: psycopg.Connection, entries: Sequence[tuple[str, list[int]]]) -> None:
        assert self._journal is not None  # noqa: S101 - only a model with a journal retracts
        retracted: dict[str, list[int]] = {}
        for tenant, positions in entries:
            retracted.setdefault(tenant, []).extend(positions)
        for tenant, positions in retracted.items():
            connection.execute(
                f"DELETE FROM {self._journal.named(self.suffix)} WHERE tenant = %s AND position = ANY(%s)",
                (tenant, positions),
            )

    def _add(
        self, connection: psycopg.Connection, table: Table, sums: Mapping[tuple[str, ...], list[Any]]
    ) -> None:
        rows = sorted((*key, *numbers) for key, numbers in sums.items() if any(numbers))
        if not rows:
            return
        staged = self._stage(connection, table, rows)
        columns = ", ".join(f'"{name}"' for name in table.columns)
        added = ", ".join(f'"{n}" = t."{n}" + excluded."{n}"' for n in table.columns if n not in table.key)
        name = table.named(self.suffix)
        connection.execute(
            f"INSERT INTO {name} AS t ({columns}) SELECT {columns} FROM {staged} "
            f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {added}"
        )
        if any(row[-1] < 0 for row in rows):
            match = " AND ".join(f't."{key}" = n."{key}"' for key in table.key)
            connection.execute(f"DELETE FROM {name} t USING {staged} n WHERE {match} AND t.parts = 0")


class RowsMissing(Exception):
    """Rows that were there when the batch was read are gone: something else writes to this table."""
