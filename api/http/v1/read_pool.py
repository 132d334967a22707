"""Connections that read: one tenant's rows, by the analysts' role and its row-level security, one moment in time."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg_pool import ConnectionPool

from streams.bounded import Bounded

_BEGIN = sql.SQL(
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE backstory_analyst; "
    "SET LOCAL backstory.tenant = {tenant}; SET LOCAL statement_timeout = {most}; "
    "SET LOCAL max_parallel_workers_per_gather = 0; "  # many ask at once: one query does not take every core
    "SET LOCAL random_page_cost = 1.1"  # what pages ask for is in memory, or on a disk without a head to move
)
ANSWERED = 5.0
"""Seconds in which a database that is there lends a connection and says something; after them it is said to be away."""
MOST = 10.0
"""Seconds a query may take where nothing else is said."""
LATE = 2.0
"""Seconds after which a query that should have ended will not be told of any more."""


class _Text(Loader):
    """Numbers as PostgreSQL writes them: every digit, no exponent."""

    format = Format.TEXT

    def load(self, data: bytes | bytearray | memoryview) -> str:
        return bytes(data).decode()


class _Json(Loader):
    """JSON as it stands, passed on without being read."""

    format = Format.TEXT

    def load(self, data: bytes | bytearray | memoryview) -> msgspec.Raw:
        return msgspec.Raw(bytes(data))


class ReadPool:
    """Lends read-only transactions. `conninfo` may be of a role that can SET ROLE backstory_analyst."""

    def __init__(self, conninfo: str, connections: int = 8) -> None:
        self._pool = ConnectionPool(
            conninfo,
            min_size=1,
            connection_class=Bounded,
            max_size=connections,
            timeout=ANSWERED,
            kwargs={"autocommit": True},
            configure=_set_up,
            check=_check,
            name="read",
            open=False,
        )

    def open(self) -> None:
        """Connect."""
        self._pool.open()

    def close(self) -> None:
        """Give back every connection."""
        self._pool.close()

    @contextmanager
    def of(self, tenant: str, most: float = MOST) -> Iterator[psycopg.Connection]:
        """Lend a transaction that sees one tenant's rows, as they are at its first query.

        A query of it may take `most` seconds. Raises OperationalError where the database does not answer.
        """
        with self._pool.connection() as connection:
            connection.patience = most + LATE
            limit = sql.Literal(round(most * 1000))
            connection.execute(_BEGIN.format(tenant=sql.Literal(tenant), most=limit))
            try:
                yield connection
            finally:
                connection.rollback()


def _check(connection: Bounded) -> None:
    """Raise OperationalError unless there is an answer on a connection."""
    connection.patience = ANSWERED
    ConnectionPool.check_connection(connection)


def _set_up(connection: psycopg.Connection) -> None:
    connection.execute("SET TIME ZONE 'UTC'")
    connection.adapters.register_loader("numeric", _Text)
    for kind in ("json", "jsonb"):
        connection.adapters.register_loader(kind, _Json)
