"""Rows that belong together, brought together: on disk by their key, in memory one group at a time."""

import itertools
import sqlite3
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Self

from api.imports.files import SEPARATOR
from api.imports.problems import Row

LARGEST_GROUP = 20_000
_AT_ONCE = 2_000


class Spool:
    """A temporary SQLite database that sorts rows by key; gone when left."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="backstory-import-")
        self._database = sqlite3.connect(Path(self._folder.name) / "rows", isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000; "
            "PRAGMA temp_store = FILE; "
            "CREATE TABLE rows (key TEXT, file TEXT, line INTEGER, cells TEXT); BEGIN"
        )
        self._waiting: list[tuple[str, str, int, str]] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, key: str, row: Row) -> None:
        """Keep a row under its key."""
        self._waiting.append((key, row.file, row.line, SEPARATOR.join(row.cells)))
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def groups(self) -> Iterator[tuple[list[Row], bool]]:
        """Give the rows of each key in the order of their files, and whether that is all of them.

        Of a key with more than LARGEST_GROUP rows they come in parts, each marked as not whole.
        """
        self._write()
        found = self._database.execute("SELECT key, file, line, cells FROM rows ORDER BY key, file, line")
        for _, of_key in itertools.groupby(found, key=itemgetter(0)):
            whole = True
            while rows := [
                Row(cells.split(SEPARATOR), file, line)
                for _, file, line, cells in itertools.islice(of_key, LARGEST_GROUP + 1)
            ]:
                whole = whole and len(rows) <= LARGEST_GROUP
                yield rows, whole

    def _write(self) -> None:
        self._database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()
