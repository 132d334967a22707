"""The place a command works in: its settings, an open database with everything in it, the log."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from api.analyst import guard_analysts
from api.embedded import EmbeddedPostgres
from api.failures import Failure, Misuse
from api.master_key import find_master_key, make_master_key
from api.settings import Settings
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate

_DATABASE = "backstory"
_OLDEST = 15


@dataclass(frozen=True)
class Place:
    """What commands share. `server` is None where the database was given by URL.

    `outdated` names the read models that another version of this code made: they must be rebuilt.
    """

    settings: Settings
    conninfo: str
    master_key: bytes
    server: EmbeddedPostgres | None = None
    outdated: tuple[str, ...] = ()

    @property
    def tenant(self) -> str:
        """Whose records are read and written."""
        return self.settings.tenant

    @cached_property
    def log(self) -> Log:
        """The log, opened when it is first asked for, closed with the place."""
        return Log(self.conninfo, self.master_key)

    @property
    def address(self) -> str:
        """Where people reach the service: as settings say, else where it last began to listen."""
        if self.settings.url is not None:
            return self.settings.url
        with suppress(OSError):
            return self._left.read_text()
        return f"http://{self.settings.host}:{self.settings.port}"

    def leave_address(self, url: str) -> None:
        """Leave where the service is reached to the other commands of this data folder, if that can be written."""
        with suppress(OSError):
            self._left.write_text(url)

    @property
    def _left(self) -> Path:
        return self.settings.data / "address"

    def catch_up(self) -> None:
        """Bring the read models to the head of the log, or wait until the projector that runs has done so."""
        Projector(self.log, self.conninfo).catch_up()

    def close(self) -> None:
        """Close the log, if it was opened."""
        if "log" in self.__dict__:
            self.log.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    """Give the conninfo of the database and the embedded server, started if need be, that it is on.

    Raises Failure where it cannot be reached or is too old, Misuse where its URL is none.
    """
    if settings.database is None:
        with EmbeddedPostgres(settings.data / "postgres") as server:
            _create(server.conninfo("postgres"))
            yield server.conninfo(_DATABASE), server
        return
    try:
        conninfo_to_dict(settings.database)
    except psycopg.ProgrammingError:
        raise Misuse("--database: a PostgreSQL URL such as postgresql://user@host:5432/name") from None
    _check(settings.database)
    yield settings.database, None


@contextmanager
def open_place(settings: Settings) -> Iterator[Place]:
    """Open the database, bring its schemas up to date, find or make the master key."""
    with open_database(settings) as (conninfo, server):
        migrate(conninfo)
        outdated = prepare(conninfo)
        guard_analysts(conninfo)
        place = Place(settings, conninfo, _master_key(settings, conninfo), server, tuple(outdated))
        try:
            yield place
        finally:
            place.close()


def _create(maintenance: str) -> None:
    with psycopg.connect(maintenance, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone() is None:
            try:
                connection.execute(f"CREATE DATABASE {_DATABASE}".encode())
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another command was faster


def _check(conninfo: str) -> None:
    try:
        with psycopg.connect(conninfo, connect_timeout=10) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as cause:
        reason = " ".join(str(cause).split())
        raise Failure(f"the database cannot be reached: {reason}") from None
    if version < _OLDEST:
        raise Failure(f"the database is PostgreSQL {version}; {_OLDEST} or newer is needed")


def _master_key(settings: Settings, conninfo: str) -> bytes:
    """Return the master key; make one only for a log that was begun with none."""
    key = find_master_key(settings)
    if key is not None:
        return key
    with psycopg.connect(conninfo) as connection:
        begun = connection.execute("SELECT EXISTS (SELECT FROM log.keys)").fetchone()
    if begun == (True,):
        raise Failure(
            f"this log's master key is neither in BACKSTORY_MASTER_KEY nor in {settings.data / 'master.key'}"
        )
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return make_master_key(settings)
