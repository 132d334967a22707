"""How every part is: measured here once, for `doctor`, the health checks and the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from streams.migrate import foreign, migrations

ALIVE = 30.0
"""Seconds after its last sign of life in which a projector counts as running."""
_SILENT = "least(extract(epoch FROM clock_timestamp() - greatest(heartbeat_at, '1970-01-01')), 1e9)::float"
"""How many seconds ago that was."""


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """How far a read model has come; `heartbeat` is the seconds since a projector last spoke for it."""

    name: str
    version: int
    state: str
    position: int
    head: int
    lag_seconds: float
    held_keys: int
    heartbeat: float

    @property
    def lag_events(self) -> int:
        """How many events of the log it has not seen."""
        return self.head - self.position

    @property
    def outdated(self) -> bool:
        """Whether it was made by another version of this code."""
        return self.state == "outdated"

    @property
    def alive(self) -> bool:
        """Whether a projector looks after it."""
        return self.heartbeat < ALIVE


@dataclass(frozen=True, slots=True)
class PlaceHealth:
    """How far a read model is in one partition of the log, and the worker that last spoke for it."""

    model: str
    partition: int
    lag_events: int
    lag_seconds: float
    worker: str | None
    heartbeat: float


@dataclass(frozen=True, slots=True)
class ProjectorHealth:
    """A projector at work: the partitions it reads, and how far it is behind in the one that is the furthest."""

    worker: str
    partitions: Sequence[int]
    lag_events: int
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """How far the log is published; `keys` counts those that changed since and are not, `trouble` says why."""

    position: int
    head: int
    lag_seconds: float
    heartbeat: float
    keys: int
    trouble: str | None

    @property
    def lag_events(self) -> int:
        """How many events of the log are not published."""
        return self.head - self.position

    @property
    def alive(self) -> bool:
        """Whether a relay is at work."""
        return self.heartbeat < ALIVE and self.trouble is None


def relay(connection: psycopg.Connection) -> RelayHealth | None:
    """Return the health of the relay; None where none ever published this log."""
    row = connection.execute(
        "SELECT p.position, h.position, coalesce(extract(epoch FROM clock_timestamp() - e.recorded_at), 0)::float, "
        "extract(epoch FROM clock_timestamp() - p.heartbeat_at)::float, "
        "(SELECT count(*) FROM log.key_changes), p.trouble "
        "FROM log.published p CROSS JOIN log.head h LEFT JOIN log.events e ON e.position = p.position + 1"
    ).fetchone()
    return None if row is None else RelayHealth(*row)


def head(connection: psycopg.Connection) -> int:
    """Return the position of the newest event."""
    row = connection.execute("SELECT position FROM log.head").fetchone()
    return int(row[0]) if row else 0


def models(connection: psycopg.Connection) -> list[ModelHealth]:
    """Return the health of every read model, over all tenants."""
    rows = connection.execute(
        "SELECT DISTINCT ON (model) model, version, state, position, head, lag_seconds::float, held_keys, "
        f"{_SILENT} FROM read.projections ORDER BY model"
    ).fetchall()
    return [ModelHealth(*row) for row in rows]


def places(connection: psycopg.Connection) -> list[PlaceHealth]:
    """Return the health of every read model in every partition."""
    rows = connection.execute(
        "SELECT model, partition, lag_events, lag_seconds::float, worker, "
        f"{_SILENT} FROM read.partitions ORDER BY model, partition"
    ).fetchall()
    return [PlaceHealth(*row) for row in rows]


def projectors(places: Sequence[PlaceHealth]) -> list[ProjectorHealth]:
    """Return the projectors that are at work at these places."""
    at_work: dict[str, list[PlaceHealth]] = {}
    for place in places:
        if place.worker is not None and place.heartbeat < ALIVE:
            at_work.setdefault(place.worker, []).append(place)
    return [
        ProjectorHealth(
            worker,
            sorted({place.partition for place in held}),
            max(place.lag_events for place in held),
            max(place.lag_seconds for place in held),
        )
        for worker, held in sorted(at_work.items())
    ]


def missing_migrations(connection: psycopg.Connection) -> list[str]:
    """Return the migrations that this database has not had."""
    if connection.execute("SELECT to_regclass('log.migrations')").fetchone() == (None,):
        return [name for name, _ in migrations()]
    applied = {name for (name,) in connection.execute("SELECT name FROM log.migrations")}
    return [name for name, _ in migrations() if name not in applied]


def foreign_migrations(connection: psycopg.Connection) -> list[str]:
    """Return the migrations that another version of this code applied."""
    if connection.execute("SELECT to_regclass('log.migrations')").fetchone() == (None,):
        return []
    return foreign(dict(connection.execute("SELECT name, digest FROM log.migrations").fetchall()))


def incomplete(connection: psycopg.Connection) -> str | None:
    """Prove by counting that the log is whole; return what is missing, or None.

    Positions are 1, 2, 3, ... up to the head, and so are the versions of every stream.
    """
    counted = connection.execute(
        "SELECT h.position, count(e.position), coalesce(max(e.position), 0) "
        "FROM log.head h LEFT JOIN log.events e ON true GROUP BY h.position"
    ).fetchone()
    if counted is None:
        return "the log has no head"
    expected, events, newest = counted
    if events != expected or newest != expected:
        return f"the head is {expected}, but there are {events} events and the newest is {newest}"
    [(torn,)] = connection.execute(
        "SELECT count(*) FROM (SELECT FROM log.events GROUP BY tenant, stream "
        "HAVING count(*) <> max(version) OR min(version) <> 1) AS torn"
    ).fetchall()
    return f"{torn} streams lack a version" if torn else None
