"""Rows on their way out: a table for people, CSV and JSON lines for programs; every value exact."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TextIO

from rich.cells import cell_len

Rows = Sequence[Sequence[bytes | None]]

_BOOL, _JSON, _JSONB, _TIMESTAMPTZ = 16, 114, 3802, 1184
_NUMBERS = {20, 21, 23, 26, 700, 701, 1700}
_NOT_JSON_NUMBERS = {"NaN", "Infinity", "-Infinity"}
_WIDEST = 60


class Column(NamedTuple):
    """A column of an answer: its name and PostgreSQL's number of its type."""

    name: str
    type: int


def write_csv(columns: Sequence[Column], batches: Iterable[Rows], to: TextIO) -> None:
    """Write a header and one line a row; NULL is empty."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for rows in batches:
        writer.writerows(
            [_text(column, value) for column, value in zip(columns, row, strict=True)] for row in rows
        )


def write_json(columns: Sequence[Column], batches: Iterable[Rows], to: TextIO) -> None:
    """Write one object a line. Numbers have every digit of the database, times are ISO 8601 in UTC."""
    names = [json.dumps(name, ensure_ascii=False) for name in _distinct([column.name for column in columns])]
    for rows in batches:
        for row in rows:
            values = (_json(column, value) for column, value in zip(columns, row, strict=True))
            to.write("{" + ", ".join(f"{n}: {v}" for n, v in zip(names, values, strict=True)) + "}\n")


def write_table(columns: Sequence[Column], batches: Iterable[Rows], to: TextIO) -> None:
    """Write aligned columns, numbers to the right, NULL as ∅; the first batch decides how wide they are."""
    count = 0
    widths: list[int] = []
    for rows in batches:
        cells = [[_shown(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
        if not widths:
            widths = _widths(columns, cells)
            _head(columns, widths, to)
        to.writelines(_line(columns, widths, line) for line in cells)
        count += len(cells)
    if not widths:
        _head(columns, _widths(columns, []), to)
    to.write(f"({count:,} {'row' if count == 1 else 'rows'})\n")


FORMATS: Mapping[str, Callable[[Sequence[Column], Iterable[Rows], TextIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
}


def _text(column: Column, value: bytes | None) -> str:
    if value is None:
        return ""
    if column.type == _BOOL:
        return "true" if value == b"t" else "false"
    return value.decode()


def _json(column: Column, value: bytes | None) -> str:
    text = _text(column, value)
    if value is None:
        return "null"
    if column.type == _BOOL or (column.type in _NUMBERS and text not in _NOT_JSON_NUMBERS):
        return text
    if column.type in (_JSON, _JSONB):
        return text.replace("\n", " ")
    if column.type == _TIMESTAMPTZ and text.endswith("+00"):
        return json.dumps(text.replace(" ", "T", 1) + ":00")
    return json.dumps(text, ensure_ascii=False)


def _shown(column: Column, value: bytes | None) -> str:
    if value is None:
        return "∅"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in _text(column, value)
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names with repeated ones numbered: an object has each name once."""
    given: dict[str, int] = {}
    made = []
    for name in names:
        given[name] = given.get(name, 0) + 1
        made.append(name if given[name] == 1 else f"{name}_{given[name]}")
    return made


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        min(_WIDEST, max(cell_len(text) for text in (column.name, *(line[n] for line in cells))))
        for n, column in enumerate(columns)
    ]


def _head(columns: Sequence[Column], widths: Sequence[int], to: TextIO) -> None:
    to.write(_line(columns, widths, [column.name for column in columns]))
    to.write("  ".join("-" * width for width in widths) + "\n")


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    padded = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        blank = " " * (width - cell_len(cell))
        padded.append(blank + cell if column.type in _NUMBERS else cell + blank)
    return "  ".join(padded).rstrip() + "\n"
