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
from api.http.v1.listing import MERGES, STANDING, STANDS
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
        f"LEFT JOIN model.customers c ON c.customer_id = {STANDS}",
    ),
    "order": (
        'o.source_id AS "order"',
        "LEFT JOIN model.orders o ON o.order_id = t.order_id AND o.currency IS NOT NULL",
    ),
}
"""Columns that are looked up for the rows of a page alone: what they are, and where from, in the order of the joins."""
_BY_CURRENCY = " GROUP BY 1 ORDER BY 1"


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


def page_of(
    connection: psycopg.Connection,
    keyring: Keyring,
    asked: Asked,
    time_zone: str,
    cursor: str | None,
) -> tuple[Rows, tuple[Total, ...]]:
    """Return a page of the rows that are asked for, and what all of them come to.

    A search passes over the rows once for both. Raises Problem 400 for a cursor of another list.
    """
    page = asked.page
    if page.stored is None or "q" not in asked.values:
        return rows_of(connection, keyring, asked, time_zone, cursor), totals_of(connection, asked, time_zone)
    totals, keys = _searched(connection, asked, time_zone, _place(keyring, asked, cursor))
    query = _shown(asked, f"{_shown_by(page)} WHERE {page.key} = ANY(%(_keys)s)", _order(asked))
    return _rows(connection, keyring, asked, query, {"_keys": keys}), totals


def rows_of(
    connection: psycopg.Connection,
    keyring: Keyring,
    asked: Asked,
    time_zone: str,
    cursor: str | None,
) -> Rows:
    """Return a page of the rows that are asked for. Raises Problem 400 for a cursor of another list."""
    return _rows(
        connection, keyring, asked, *select(asked, time_zone, _place(keyring, asked, cursor), PAGE + 1)
    )


def _rows(
    connection: psycopg.Connection, keyring: Keyring, asked: Asked, query: str, values: Mapping[str, Any]
) -> Rows:
    found = connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()
    following = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        place = Place(last["_order"], last["_unique"])
        following = write_cursor(keyring, _about(asked), place)
    return Rows(tuple(found[:PAGE]), following)


def _place(keyring: Keyring, asked: Asked, cursor: str | None) -> Place | None:
    return None if cursor is None else read_cursor(keyring, _about(asked), cursor)


def _about(asked: Asked) -> str:
    return msgspec.json.encode(["page", asked.page.name, asked.query]).decode()


def totals_of(connection: psycopg.Connection, asked: Asked, time_zone: str) -> tuple[Total, ...]:
    """Return what all rows asked for come to, on every page of them: by currency, those without one last."""
    conditions, values = asked.conditions(time_zone)
    page = asked.page
    if page.kept and asked.values.keys() <= page.kept_by:
        selected = f"{_sums(page, 'sum(parts)::bigint')} FROM {page.kept}{_where(conditions)}"
    else:
        selected = f"{_sums(page)} FROM {page.rows.table}{_where([page.rows.where, *conditions])}"
    found = connection.execute(f"SELECT {selected}{_BY_CURRENCY}".encode(), values).fetchall()
    return tuple(_total(page, row) for row in found)


def _searched(
    connection: psycopg.Connection, asked: Asked, time_zone: str, after: Place | None
) -> tuple[tuple[Total, ...], list[str]]:
    """Return what all rows searched for come to, and the keys of a page of them and the next one."""
    conditions, values = asked.conditions(time_zone)
    page = asked.page
    columns = dict.fromkeys((page.key, asked.sort, *(("currency", *page.sums) if page.sums else ())))
    chosen = f"{page.rows.table}{_where([page.rows.where, *conditions])}"
    keys = f"SELECT {page.key} FROM found{_where(_following(asked, after, values))}{_order(asked, PAGE + 1)}"
    found = connection.execute(
        f"WITH found AS MATERIALIZED (SELECT {', '.join(columns)} FROM {chosen}) "
        f"SELECT {_sums(page)}, ARRAY({keys}) FROM found{_BY_CURRENCY}".encode(),
        values,
    ).fetchall()
    return tuple(_total(page, row[:-1]) for row in found), found[0][-1] if found else []


def _sums(page: ListPage, counted: str = "count(*)") -> str:
    """Return what totals are: a currency, how many rows, and the sum of each column."""
    by = "nullif(currency, '')" if page.sums else "NULL::text"
    return f"{by}, {counted}{''.join(f', coalesce(sum({name}), 0)' for name in page.sums)}"


def _total(page: ListPage, row: Sequence[Any]) -> Total:
    currency, count, *added = row
    return Total(currency, count, dict(zip(page.sums, added, strict=True)))


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
    conditions = [page.rows.where, *conditions, *_following(asked, after, values)]
    ending = _order(asked, limit)
    chosen = f"{_shown_by(page)}{_where(conditions)}"
    if page.stored is not None and limit is not None:
        keys = _keys(asked, f"{page.stored.table}{_where(conditions)}", ending)
        chosen = f"{_shown_by(page)} WHERE {page.key} = ANY(ARRAY({keys}))"
    return _shown(asked, chosen, ending), values


def _shown_by(page: ListPage) -> str:
    return page.rows.table if page.of_customers else page.view


def _shown(asked: Asked, chosen: str, ending: str) -> str:
    """Return the query of the rows of a table or view that are chosen, with what is looked up for them."""
    page = asked.page
    looked_up = [name for name in _LOOKED_UP if page.of_customers and page.has(name)]
    columns = [column.name for column in page.columns if column.name not in {"customer", "order"}]
    places = f"{asked.sort}::text AS _order, {page.unique}::text AS _unique"
    rows = f"SELECT {', '.join(columns)}, {places} FROM {chosen}{ending}"
    if not looked_up:
        return rows
    shown = [f"t.{name}" for name in (*columns, "_order", "_unique") if name not in _LOOKED_UP]
    shown += [_LOOKED_UP[name][0] for name in looked_up]
    tables = " ".join(_LOOKED_UP[name][1] for name in looked_up)
    outer = _order(asked, of="t.", unique="_unique")
    return f"SELECT {', '.join(shown)} FROM ({rows}) t {tables}{outer}"


def _order(asked: Asked, limit: int | None = None, of: str = "", unique: str = "") -> str:
    way = "DESC" if asked.down else "ASC"
    nulls = "" if asked.sort == asked.page.at else " NULLS LAST"
    most = "" if limit is None else f" LIMIT {limit}"
    return f" ORDER BY {of}{asked.sort} {way}{nulls}, {of}{unique or asked.page.unique} {way}{most}"


def _keys(asked: Asked, chosen: str, ending: str) -> str:
    """Return the query of the keys of a page's rows: narrow, so that an index can answer it alone.

    A search passes over all rows once: in the order of the page it would fetch each of them.
    """
    key = asked.page.key
    if "q" not in asked.values:
        return f"SELECT {key} FROM {chosen}{ending}"
    return f"WITH found AS MATERIALIZED (SELECT {key}, {asked.sort} FROM {chosen}) SELECT {key} FROM found{ending}"


def _following(asked: Asked, after: Place | None, values: dict[str, Any]) -> list[str]:
    """Return the condition of the rows after a place, if there is one; add to the values what it names."""
    if after is None:
        return []
    values |= {"_value": after.value, "_key": after.key}
    return [_beyond(asked, after)]


def _beyond(asked: Asked, after: Place) -> str:
    """Return the condition of the rows after a place; rows without the value they are sorted by come last."""
    sort, key, sign = asked.sort, asked.page.unique, "<" if asked.down else ">"
    if after.value is None:
        return f"({sort} IS NULL AND {key} {sign} %(_key)s)"
    value = f"%(_value)s::{_TYPES.get(_kind(asked.page, sort), 'text')}"
    if sort == asked.page.at:
        return f"({sort}, {key}) {sign} ({value}, %(_key)s)"
    return f"({sort} {sign} {value} OR ({sort} = {value} AND {key} {sign} %(_key)s) OR {sort} IS NULL)"


_TYPES = {"money": "numeric", "time": "timestamptz", "day": "timestamptz"}


def _kind(page: ListPage, name: str) -> str:
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
