"""The rows of a list: a page of them by cursor, what they come to, and the values there are to choose from."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from api.http.v1.cursors import Place, read_cursor, write_cursor
from api.http.v1.listing import MERGES, STANDING
from api.pages.lists.asking import Asked
from api.pages.lists.definition import ListPage
from streams.keyring import Keyring

PAGE = 50
"""How many rows a page of a list holds."""
_OPTIONS = 60  # values to choose from, the most frequent ones
_FRESH = 60.0  # seconds they are good for
_LOOKED_UP = {
    "customer_id": (STANDING, MERGES),
    "customer": (
        "coalesce(c.name, c.company, c.email, c.phone) AS customer",
        "LEFT JOIN model.customers c ON c.customer_id = coalesce(m.canonical_id, t.customer_id)",
    ),
    "order": (
        'o.source_id AS "order"',
        "LEFT JOIN model.orders o ON o.order_id = t.order_id AND o.currency IS NOT NULL",
    ),
}
"""Columns that are looked up for the rows of a page alone: what they are, and where from, in the order of the joins."""


@dataclass(frozen=True, slots=True)
class Total:
    """What all rows asked for come to in one currency (None: none is told): how many, and the sum of each column."""

    currency: str | None
    count: int
    sums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of rows, and the cursor of the next one."""

    rows: tuple[Mapping[str, Any], ...]
    next: str | None


def rows_of(
    connection: psycopg.Connection,
    keyring: Keyring,
    asked: Asked,
    time_zone: str,
    cursor: str | None,
) -> Rows:
    """Return a page of the rows that are asked for. Raises Problem 400 for a cursor of another list."""
    about = msgspec.json.encode(["page", asked.page.name, asked.query]).decode()
    after = None if cursor is None else read_cursor(keyring, about, cursor)
    query, values = select(asked, time_zone, after, PAGE + 1)
    found = connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()
    following = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        following = write_cursor(keyring, about, Place(last["_order"], last["_unique"]))
    return Rows(tuple(found[:PAGE]), following)


def totals_of(connection: psycopg.Connection, asked: Asked, time_zone: str) -> tuple[Total, ...]:
    """Return what all rows asked for come to, on every page of them: by currency, those without one last."""
    conditions, values = asked.conditions(time_zone)
    page = asked.page
    by = "nullif(currency, '')" if page.sums else "NULL::text"
    sums = "".join(f", coalesce(sum({name}), 0)" for name in page.sums)
    if page.kept and asked.values.keys() <= page.kept_by:
        selected = f"sum(parts)::bigint{sums} FROM {page.kept}{_where(conditions)}"
    else:
        selected = f"count(*){sums} FROM {page.rows.table}{_where([page.rows.where, *conditions])}"
    found = connection.execute(f"SELECT {by}, {selected} GROUP BY 1 ORDER BY 1".encode(), values).fetchall()
    return tuple(
        Total(currency, count, dict(zip(page.sums, added, strict=True))) for currency, count, *added in found
    )


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def flags(told: object) -> list[str]:
    """Return the kinds of what looks wrong about a row."""
    return msgspec.json.decode(told, type=list[str]) if isinstance(told, msgspec.Raw) else []


def select(
    asked: Asked, time_zone: str, after: Place | None, limit: int | None
) -> tuple[str, dict[str, Any]]:
    """Return the query of the rows asked for, in their order, and its values."""
    page = asked.page
    conditions, values = asked.conditions(time_zone)
    conditions.insert(0, page.rows.where)
    if after is not None:
        conditions.append(_beyond(asked, after))
        values |= {"_value": after.value, "_key": after.key}
    way = "DESC" if asked.down else "ASC"
    nulls = "" if asked.sort == page.at else " NULLS LAST"
    ending = f" ORDER BY {asked.sort} {way}{nulls}, {page.unique} {way}{'' if limit is None else f' LIMIT {limit}'}"
    shown_by = page.rows.table if page.of_customers else page.view
    chosen = f"{shown_by}{_where(conditions)}"
    if page.stored is not None and limit is not None:
        keys = _keys(asked, f"{page.stored.table}{_where(conditions)}", ending)
        chosen = f"{shown_by} WHERE {page.key} = ANY(ARRAY({keys}))"
    looked_up = [name for name in _LOOKED_UP if page.of_customers and page.has(name)]
    columns = [column.name for column in page.columns if column.name not in {"customer", "order"}]
    places = f"{asked.sort}::text AS _order, {page.unique}::text AS _unique"
    rows = f"SELECT {', '.join(columns)}, {places} FROM {chosen}{ending}"
    if not looked_up:
        return rows, values
    shown = [f"t.{name}" for name in (*columns, "_order", "_unique") if name not in _LOOKED_UP]
    shown += [_LOOKED_UP[name][0] for name in looked_up]
    tables = " ".join(_LOOKED_UP[name][1] for name in looked_up)
    outer = f"t.{asked.sort} {way}{nulls}, t._unique {way}"
    return f"SELECT {', '.join(shown)} FROM ({rows}) t {tables} ORDER BY {outer}", values


def _keys(asked: Asked, chosen: str, ending: str) -> str:
    """Return the query of the keys of a page's rows: narrow, so that an index can answer it alone.

    A search passes over all rows once: in the order of the page it would fetch each of them.
    """
    key = asked.page.key
    if "q" not in asked.values:
        return f"SELECT {key} FROM {chosen}{ending}"
    return f"WITH found AS MATERIALIZED (SELECT {key}, {asked.sort} FROM {chosen}) SELECT {key} FROM found{ending}"


def _beyond(asked: Asked, after: Place) -> str:
    """Return the condition of the rows after a place; rows without the value they are sorted by come last."""
    sort, key, sign = asked.sort, asked.page.unique, "<" if asked.down else ">"
    if after.value is None:
        return f"({sort} IS NULL AND {key} {sign} %(_key)s)"
    value = f"%(_value)s::{_TYPES.get(_shown(asked.page, sort), 'text')}"
    if sort == asked.page.at:
        return f"({sort}, {key}) {sign} ({value}, %(_key)s)"
    return f"({sort} {sign} {value} OR ({sort} = {value} AND {key} {sign} %(_key)s) OR {sort} IS NULL)"


_TYPES = {"money": "numeric", "time": "timestamptz", "day": "timestamptz"}


def _shown(page: ListPage, name: str) -> str:
    return next(column.shown for column in page.columns if column.name == name)


@dataclass(slots=True)
class Options:
    """The values that filters can be set to, as they were at most a minute ago."""

    _known: dict[tuple[str, str], tuple[float, Mapping[str, list[str]]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, connection: psycopg.Connection, tenant: str, page: ListPage) -> Mapping[str, list[str]]:
        """Return, by filter, the values that there are in a list of a tenant."""
        now = time.monotonic()
        with self._lock:
            at, known = self._known.get((tenant, page.name), (-_FRESH, {}))
        if now - at < _FRESH:
            return known
        found = dict(_found(connection, page))
        with self._lock:
            self._known[tenant, page.name] = (now, found)
        return found


def _found(connection: psycopg.Connection, page: ListPage) -> Iterator[tuple[str, list[str]]]:
    asked = [choice for choice in page.choices if choice.found]
    if not asked:
        return
    columns = [choice.column for choice in asked]
    sets = ", ".join(f"({column})" for column in columns)
    kept = page.kept if page.kept_by.issuperset(columns) else None
    table, where = page.rows
    counted, told = ("sum(parts)", kept) if kept else ("count(*)", f"{table} WHERE {where}")
    rows = connection.execute(
        f"SELECT grouping({', '.join(columns)}), coalesce({', '.join(columns)}), {counted} "
        f"FROM {told} GROUP BY GROUPING SETS ({sets})".encode()
    ).fetchall()
    every = 2 ** len(columns) - 1
    for place, choice in enumerate(asked):
        mask = every - 2 ** (len(columns) - 1 - place)
        values = [(count, value) for grouped, value, count in rows if grouped == mask and value]
        yield choice.name, sorted(value for _, value in sorted(values, reverse=True)[:_OPTIONS])
