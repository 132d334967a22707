"""`backstory sql`: one question to the read models, as an analyst of one tenant, streamed."""

import argparse
import sys
from collections.abc import Iterator

import psycopg

from api.analyst import analyst, guarded
from api.cli.tables import FORMATS, Column, Rows
from api.failures import Failure
from api.place import Place

_FETCH = b"FETCH 1000 FROM answer"
_VIEWS = (
    "SELECT table_name AS view, string_agg(column_name, ', ' ORDER BY ordinal_position) AS columns "
    "FROM information_schema.columns WHERE table_schema = 'read' GROUP BY 1 ORDER BY 1"
)
_DECLARE = "DECLARE answer NO SCROLL CURSOR FOR "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory sql` takes."""
    parser.add_argument(
        "statement",
        metavar="SQL",
        nargs="?",
        default=_VIEWS,
        help="one SELECT, WITH, VALUES or TABLE; `-` reads it from stdin; without it, the views and their columns",
    )
    parser.add_argument("--format", choices=list(FORMATS), default="table", help="json: one object a line")
    parser.add_argument(
        "--json", action="store_const", dest="format", const="json", help="the same as --format json"
    )
    parser.add_argument("--sql-timeout", metavar="SECONDS", help="give up after this time; 0 waits for ever")


def run(args: argparse.Namespace, place: Place) -> int:
    """Print the answer; raises Failure with PostgreSQL's own sentence when it refuses."""
    statement = sys.stdin.read() if args.statement == "-" else args.statement
    with analyst(place.conninfo, place.tenant, args.sql_timeout) as connection:
        _tell_notes(connection)
        try:
            columns, batches = _asked(connection, statement)
            FORMATS[args.format](columns, batches, sys.stdout)
        except psycopg.Error as cause:
            raise Failure(_sentence(cause)) from None
    return 0


def _asked(connection: psycopg.Connection, statement: str) -> tuple[list[Column], Iterator[Rows]]:
    """Declare a cursor for the statement, prepared: PostgreSQL then takes one query and nothing else."""
    connection.execute(f"{_DECLARE}{statement}".encode(), prepare=True)
    first = connection.execute(_FETCH)
    columns = [Column(column.name, column.type_code) for column in first.description or ()]

    def batches() -> Iterator[Rows]:
        fetched = first
        while fetched.rowcount:
            yield _values(fetched)
            fetched = connection.execute(_FETCH)

    return columns, batches()


def _values(fetched: psycopg.Cursor) -> Rows:
    """Return the values as PostgreSQL wrote them: nothing is rounded or reformatted on the way."""
    result = fetched.pgresult
    if result is None:
        return []
    return [[result.get_value(row, n) for n in range(result.nfields)] for row in range(result.ntuples)]


def _tell_notes(connection: psycopg.Connection) -> None:
    if not guarded(connection):
        sys.stderr.write("note: this database lets a statement change its tenant; see `backstory doctor`\n")
    behind = connection.execute("SELECT max(lag_events) FROM read.projections").fetchone()
    if behind is not None and behind[0]:
        sys.stderr.write(f"note: the read models are {behind[0]:,} events behind the log\n")


def _sentence(cause: psycopg.Error) -> str:
    told = cause.diag.message_primary or " ".join(str(cause).split())
    place = int(cause.diag.statement_position or 0) - len(_DECLARE)
    at = f" (at character {place})" if place > 0 else ""
    hint = f"; {cause.diag.message_hint}" if cause.diag.message_hint else ""
    return f"{told}{at}{hint}"
