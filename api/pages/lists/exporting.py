"""Taking a list out as CSV: exactly the rows that are asked for, exact numbers, in constant memory, and noted."""

import codecs
import csv
import io
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec
import psycopg
from fastapi import Response

from api.http.errors import RETRY_AFTER, Problem
from api.http.streaming import Holding
from api.pages.headers import PAGE_HEADERS
from api.pages.lists.asking import Asked
from api.pages.lists.definition import Column
from api.pages.lists.rows import select, totals_of
from api.pages.visit import Visit
from commands.command import RecordExport

AT_ONCE = threading.BoundedSemaphore(2)
"""Files written at the same time by one process: each keeps a connection."""

_ROWS = 1_000  # rows fetched at a time
_PATIENCE = 120.0  # seconds a query may take
_STALLED = "SET LOCAL idle_in_transaction_session_timeout = '120s'"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take them, too
_EXACT = frozenset({"money", "time", "day"})


def export(visit: Visit, asked: Asked, time_zone: str) -> Response:
    """Return all rows asked for as a file; that they were taken is in the log before the first of them leaves.

    Raises Problem 503 while too many files are being written.
    """
    if not AT_ONCE.acquire(blocking=False):
        raise Problem(
            503, "exports-busy", "Other files are being written; ask again in a moment.", RETRY_AFTER
        )
    with ExitStack() as started:
        started.callback(AT_ONCE.release)
        connection = started.enter_context(visit.reading(_PATIENCE))
        connection.execute(_STALLED)
        rows = sum(total.count for total in totals_of(connection, asked, time_zone))
        visit.do(RecordExport(list=asked.page.name, rows=rows, query=asked.query))
        lines = _lines(connection, asked, time_zone)
        started.callback(lines.close)
        name = f"{asked.page.name}-{datetime.now(UTC):%Y-%m-%d}.csv"
        headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Holding(lines, headers, "text/csv; charset=utf-8; header=present", started.pop_all())


def _lines(connection: psycopg.Connection, asked: Asked, time_zone: str) -> Generator[bytes, None, None]:
    columns = asked.page.columns
    with connection.cursor("export") as cursor:
        cursor.itersize = _ROWS
        query, values = select(asked, time_zone, None, None)
        cursor.execute(query.encode(), values)
        places = [[one.name for one in cursor.description or ()].index(column.name) for column in columns]
        yield codecs.BOM_UTF8 + written([[column.name for column in columns]])
        while rows := cursor.fetchmany(_ROWS):
            yield written(
                [
                    [_cell(column, row[place]) for column, place in zip(columns, places, strict=True)]
                    for row in rows
                ]
            )


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as CSV (RFC 4180) in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(column: Column, value: object) -> str:
    """Return a value as the file has it: numbers with every digit, times in UTC, text that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, msgspec.Raw):
        return harmless(";".join(msgspec.json.decode(value, type=list[str])))
    return str(value) if column.shown in _EXACT else harmless(str(value))


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that begins like it gets an apostrophe before."""
    return f"'{text}" if text.startswith(_FORMULA) else text
