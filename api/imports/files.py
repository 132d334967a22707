"""Files of rows: opened, decompressed, decoded and split, a row at a time, each bad row told by itself."""

import csv
import gzip
import io
import re
from collections import deque
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Self

from api.failures import Failure, Misuse
from api.imports.mapping import Input, Mapping
from api.imports.problems import Row, Unusable

SEPARATOR = "\x1f"
_BROKEN = re.compile(r"[\x00\ud800-\udfff]")
_LONGEST_LINE = 1 << 20
_GZIP = b"\x1f\x8b"


def assign(mapping: Mapping, given: list[str]) -> dict[str, list[Path]]:
    """Return the files of each input, by `NAME=FILE` or by the input's file name patterns.

    Raises Misuse for a file that is not there or fits no input, and for an input without its file.
    """
    names = {one.name for one in mapping.inputs}
    found: dict[str, list[Path]] = {one.name: [] for one in mapping.inputs}
    for argument in given:
        name, equals, rest = argument.partition("=")
        named = bool(equals) and name in names
        path = Path(rest if named else argument)
        if not path.is_file():
            raise Misuse(f"FILE: {path} is not a file")
        found[name if named else _fitting(mapping, path)].append(path)
    for one in mapping.inputs:
        if one.required and not found[one.name]:
            raise Misuse(
                f"FILE: {mapping.name} needs a file for its input {one.name} ({', '.join(one.files)})"
            )
    return found


def _fitting(mapping: Mapping, path: Path) -> str:
    for one in mapping.inputs:
        if any(fnmatch(path.name, pattern) for pattern in one.files):
            return one.name
    raise Misuse(f"FILE: {path.name} fits no input of {mapping.name}; say NAME=FILE with one of its inputs")


class Reader:
    """The rows of one file. `columns` are known once it is entered; `consumed` counts the bytes read."""

    def __init__(self, path: Path, given: Input) -> None:
        self._path = path
        self._input = given
        self._raw: IO[bytes] | None = None
        self.line = 0
        self.columns: list[str] = given.columns or []

    def __enter__(self) -> Self:
        self._raw = self._path.open("rb")
        packed = self._raw.read(2) == _GZIP
        self._raw.seek(0)
        plain: IO[bytes] = gzip.GzipFile(fileobj=self._raw) if packed else self._raw  # type: ignore[assignment]
        self._lines = _Lines(
            io.TextIOWrapper(plain, self._input.encoding, errors="surrogateescape", newline="")
        )
        if self._input.header:
            header = [cell.strip() for cell in next(self._cells(), (0, []))[1] or []]
            if not any(header):
                raise Failure(f"{self._path.name}: no header line")
            if any(_BROKEN.search(cell) for cell in header):
                raise Failure(f"{self._path.name}: its header line is no text in {self._input.encoding}")
            self.columns = self._input.columns or header
        return self

    def __exit__(self, *_: object) -> None:
        if self._raw is not None:
            self._raw.close()

    @property
    def consumed(self) -> int:
        """How many bytes of the file as it lies on disk have been read."""
        return self._raw.tell() if self._raw is not None else 0

    def rows(self) -> Iterator[Row | Unusable]:
        """Give every row of the file that is not blank, or what is wrong with it."""
        width = len(self.columns)
        name = self._path.name
        for line, cells in self._cells():
            if cells is None:
                yield Unusable("malformed-row", None, Row([], name, line))
                continue
            row = Row(cells, name, line)
            if len(cells) != width:
                yield Unusable("malformed-row", None, row)
                continue
            text = SEPARATOR.join(cells)
            broken = "\x00" in text or text.count(SEPARATOR) != width - 1
            if broken or (not text.isascii() and _BROKEN.search(text)):
                yield Unusable("encoding-error", None, row)
            else:
                yield row

    def _cells(self) -> Iterator[tuple[int, list[str] | None]]:
        """Give each record's first line number and cells; None for one that cannot be split."""
        if self._input.format == "whitespace":
            for text in self._lines:
                if cells := text.split():
                    yield self._lines.number, cells
            return
        delimiter = self._input.delimiter or ("\t" if self._input.format == "tsv" else ",")
        records = csv.reader(self._lines, delimiter=delimiter, strict=True)
        while True:
            start = self._lines.number + 1
            self._lines.taken.clear()
            try:
                cells = next(records)
            except StopIteration:
                return
            except csv.Error:
                records = csv.reader(self._lines, delimiter=delimiter, strict=True)
                self._lines.give_back()
                yield start, None
                continue
            spans = len(self._lines.taken) > 1
            if spans and self.columns and len(cells) != len(self.columns):
                self._lines.give_back()
                yield start, None
            elif cells:
                yield start, cells


class _Lines:
    """The lines of a text, that can be given back when a quote that never closes has swallowed them."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._text.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.number += 1
        return line

    def give_back(self) -> None:
        """Take every line but the first of the current record as not read yet."""
        again = self.taken[1:]
        self._waiting.extendleft(reversed(again))
        self.number -= len(again)
        del self.taken[1:]
