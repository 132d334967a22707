"""The way of one input's files: every row is read once, counted, grouped and made into commands."""

from collections.abc import Iterator
from pathlib import Path

from api.failures import Misuse
from api.imports.columns import Columns
from api.imports.files import Reader
from api.imports.groups import Spool
from api.imports.kinds import Field
from api.imports.mapping import Input, Mapping
from api.imports.problems import Row, Unusable
from api.imports.records import Rules
from api.imports.report import Rejects, Report
from api.imports.sender import Sender
from api.imports.values import Compiler
from api.progress import Progress

Tables = dict[tuple[str, str, str], dict[str, str]]
_TELL_EVERY = 2_000
_ID = Field("id", required=True)


class Pass:
    """One input and its files. Raises Misuse when a column of the mapping is missing in a file."""

    def __init__(self, given: Input, mapping: Mapping, files: list[Path], tables: Tables) -> None:
        self._given = given
        self._files = files
        self._size = sum(path.stat().st_size for path in files)
        with Reader(files[0], given) as first:
            self._columns = first.columns
        columns = Columns(self._columns, f"{mapping.name}: {files[0].name}", mapping.as_of)
        compiler = Compiler(mapping, columns, tables)
        self._rules = Rules(mapping, given, compiler)
        self._key = compiler.value(given.group_by, _ID) if given.group_by else None
        self._tables = [
            (columns.text(key), columns.text(give), table)
            for (name, key, give), table in tables.items()
            if name == given.name
        ]
        for path in files[1:]:
            with Reader(path, given) as reader:
                if missing := set(self._columns) - set(reader.columns):
                    raise Misuse(f"{mapping.name}: {path.name}: missing {', '.join(sorted(missing))}")

    def send(self, sender: Sender, report: Report, rejects: Rejects, progress: Progress) -> None:
        """Read the files and give what their rows make to the sender."""
        rows = self._rows(report, rejects, progress)
        if not self._given.records:
            report.used += sum(1 for _ in rows)
        elif self._key is None:
            for row in rows:
                for unit in self._rules.units([row]):
                    sender.take(unit)
        else:
            with Spool() as spool:
                kept = self._keep(spool, rows, rejects)
                self._send_groups(spool, kept, sender, progress)

    def _keep(self, spool: Spool, rows: Iterator[Row], rejects: Rejects) -> int:
        kept = 0
        for row in rows:
            try:
                key = self._key([row]) if self._key else ""
            except Unusable as unusable:
                rejects.skip(row, unusable.reason, unusable.column)
                continue
            spool.add(key, row)
            kept += 1
        return kept

    def _send_groups(self, spool: Spool, kept: int, sender: Sender, progress: Progress) -> None:
        done = told = 0
        for rows, whole in spool.groups():
            for unit in self._rules.units(rows, whole=whole):
                sender.take(unit)
            done += len(rows)
            if done - told >= _TELL_EVERY or done == kept:
                told = done
                progress(f"recording {self._given.name}", done, kept)

    def _rows(self, report: Report, rejects: Rejects, progress: Progress) -> Iterator[Row]:
        """Give every readable row of all files, its cells in the order of the first file's columns."""
        what = f"reading {self._given.name}"
        before = 0
        for path in self._files:
            with Reader(path, self._given) as reader:
                order = None
                if reader.columns != self._columns:
                    order = [reader.columns.index(name) for name in self._columns]
                for row in reader.rows():
                    report.rows += 1
                    if report.rows % _TELL_EVERY == 0:
                        progress(what, before + reader.consumed, self._size)
                    if isinstance(row, Unusable):
                        rejects.skip(row.row or Row([], path.name, 0), row.reason, row.column)
                        continue
                    if order is not None:
                        row = row._replace(cells=[row.cells[index] for index in order])  # noqa: PLW2901
                    self._learn(row)
                    yield row
            before += path.stat().st_size
        progress(what, self._size, self._size)

    def _learn(self, row: Row) -> None:
        for key, give, table in self._tables:
            table[key(row)] = give(row)
