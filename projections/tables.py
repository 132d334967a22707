"""The tables of read models in schema `model`, made from their definitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections.definition import Fold, Journal, ReadModel, Sum

SHADOW = "__new"
"""The ending of a table that a rebuild makes beside the live one."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with their types, its primary key, further indexes: columns [INCLUDE ...] [WHERE ...]."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    indexes: tuple[str, ...] = ()

    def named(self, suffix: str) -> str:
        """Return its qualified name, live ("") or SHADOW."""
        return f'model."{self.name}{suffix}"'

    def create(self, suffix: str) -> str:
        """Return the statement that makes it, without its primary key and indexes."""
        columns = ", ".join(f'"{name}" {_typed(kind)}' for name, kind in self.columns.items())
        return f"CREATE TABLE {self.named(suffix)} ({columns}) WITH (fillfactor = 85)"

    def create_key(self, suffix: str) -> str:
        """Return the statement that adds its primary key."""
        return f"ALTER TABLE {self.named(suffix)} ADD PRIMARY KEY ({', '.join(self.key)})"

    def create_indexes(self, suffix: str) -> list[str]:
        """Return the statements that add its other indexes, each led by the tenant."""
        made = []
        for index in self.indexes:
            listed, _, where = index.partition(" WHERE ")
            columns, _, included = listed.partition(" INCLUDE ")
            ending = f" INCLUDE ({included})" if included else ""
            ending += f" WHERE {where}" if where else ""
            made.append(f"CREATE INDEX ON {self.named(suffix)} (tenant, {columns}){ending}")
        return made

    def guard(self, suffix: str) -> list[str]:
        """Return the statements that let analysts read their own tenant's rows, and nobody else's."""
        name = self.named(suffix)
        policy = "FOR SELECT TO backstory_analyst USING (tenant = current_setting('backstory.tenant', true))"
        return [
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY own_tenant ON {name} {policy}",
            f"GRANT SELECT ON {name} TO backstory_analyst",
        ]


def _typed(kind: str) -> str:
    return 'text COLLATE "C"' if kind == "text" else kind


def fold_table(fold: Fold[Any]) -> Table:
    """Return the table of a fold."""
    runtime = {"tenant": "text", fold.key: "text", "position": "bigint", "held_since": "bigint"}
    return Table(fold.name, {**runtime, **fold.columns, "state": "json"}, ("tenant", fold.key), fold.indexes)


def journal_table(journal: Journal) -> Table:
    """Return the table of a journal."""
    columns = {"tenant": "text", "position": "bigint", **journal.columns}
    return Table(journal.name, columns, ("tenant", "position"), journal.indexes)


def sum_table(total: Sum[Any]) -> Table:
    """Return the table of a sum."""
    columns = {"tenant": "text", **total.key, **total.numbers, "parts": "bigint"}
    return Table(total.name, columns, ("tenant", *total.key), total.indexes)


def tables_of(model: ReadModel) -> tuple[Table, ...]:
    """Return every table of a read model."""
    made = [fold_table(model.fold)] if model.fold else []
    made += [journal_table(model.journal)] if model.journal else []
    return (*made, *[sum_table(total) for total in model.sums])
