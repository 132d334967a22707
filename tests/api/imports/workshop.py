"""A database with its read models, and importing into it as `backstory import` does."""

import argparse
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from api.analyst import analyst
from api.imports import command, importing
from api.imports.files import assign
from api.imports.loading import load
from api.imports.report import Report
from projections.schema import prepare
from streams.log import Log

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
MAPPINGS = ROOT / "tests" / "imports"
MASTER_KEY = bytes(range(32))


@dataclass(frozen=True)
class Workshop:
    """What `backstory import` works with, and what an analyst then reads."""

    conninfo: str
    log: Log
    tenant: str = "main"

    def imports(
        self, mapping: str | Path, *files: str | Path, dry_run: bool = False, **overrides: str
    ) -> Report:
        """Import files and bring the read models to the head."""
        read = load(str(mapping), **overrides)
        request = importing.Request(
            mapping=read,
            files=assign(read, [str(file) for file in files]),
            tenant=self.tenant,
            now=datetime.now(UTC),
            dry_run=dry_run,
        )
        report = importing.run_import(self.log, request)
        importing.catch_up(self.log, self.conninfo)
        return report

    def undo(self, batch: str | None) -> int:
        """Withdraw a batch and bring the read models to the head."""
        assert batch is not None
        found = importing.undo_import(
            self.log, tenant=self.tenant, batch=batch, reason="a mistake", now=datetime.now(UTC)
        )
        importing.catch_up(self.log, self.conninfo)
        return found

    def run(self, *argv: str) -> int:
        """Run the command line `backstory import ARGV`."""
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return command.run(parser.parse_args(argv), self)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Ask as an analyst."""
        with analyst(self.conninfo, self.tenant, 60.0) as connection:
            return connection.execute(query.encode()).fetchall()

    def value(self, query: str) -> Any:
        """Ask for one value."""
        [(found,)] = self.sql(query)
        return found

    def events(self) -> dict[str, int]:
        """Return how many events of each type the log holds."""
        with psycopg.connect(self.conninfo) as connection:
            rows = connection.execute("SELECT type, count(*) FROM log.events GROUP BY type").fetchall()
        return dict(rows)

    def shown(self) -> dict[str, list[str]]:
        """Return every row of every view, without where and when it was recorded and by which batch."""
        views = self.sql(
            "SELECT viewname FROM pg_views WHERE schemaname = 'read' "
            "AND viewname NOT IN ('projections', 'partitions') ORDER BY 1"
        )
        found: dict[str, list[str]] = {}
        for (view,) in views:
            batches = "type NOT IN ('batch-imported.v1', 'batch-undone.v1', 'events-withdrawn.v1')"
            rows = self.sql(
                "SELECT (to_jsonb(v) - 'position' - 'recorded_at' - 'found_at' - 'settled_at')::text "
                f"FROM read.{view} v WHERE {batches if view == 'timeline' else True} ORDER BY 1"
            )
            found[view] = [row for (row,) in rows]
        return found


@contextmanager
def workshop(server: str, template: str) -> Iterator[Workshop]:
    """Lend a fresh database with its log and read models."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        conninfo = make_conninfo(server, dbname=name)
        try:
            prepare(conninfo)
            with Log(conninfo, MASTER_KEY) as log:
                yield Workshop(conninfo, log)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
