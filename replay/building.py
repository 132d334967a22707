"""Folding a read model afresh from the log into tables of its own, stream by stream, resumable at every chunk."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import psycopg

from projections.applying import UNWRITABLE, Applier, Waiting, waiting
from projections.definition import ReadModel
from projections.folding import grouped
from projections.schema import guard, shape
from projections.tables import tables_of
from replay.ranges import Range, cut
from streams.follower import Follower, LogFollower
from streams.log import LEAN_COLUMNS, Log
from streams.reading import read_stream
from streams.records import Recorded

CHUNK = 20_000
"""Events folded in one transaction."""
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one transaction of a build did: how many events it folded."""

    events: int


class NotThere(Exception):
    """What carries the log has not carried events that the live tables show."""


class NotThisBuild(Exception):
    """The build under way is of another version, or gone: begin again."""


def code(model: ReadModel) -> str:
    """Return a digest of a model's tables and of the code that folds them: a build is of this code, or thrown away."""
    return shape(model) + _sources()


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for package in ("domain", "projections"):
        for source in sorted(files(package).iterdir(), key=lambda source: source.name):
            if source.name.endswith(".py"):
                digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def begin(connection: psycopg.Connection, model: ReadModel, suffix: str, through: int, pieces: int) -> int:
    """Start a build of the log up to `through`, or find the one that was left; return how far that one goes.

    A build of another version of the model, or one that reaches further than `through`, is thrown away.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT version, shape, through FROM model.builds WHERE model = %s AND suffix = %s FOR UPDATE",
            (model.name, suffix),
        ).fetchone()
        if row is not None and row[:2] == (model.version, code(model)) and row[2] <= through:
            return int(row[2])
        drop(connection, model, suffix)
        for table in tables_of(model):
            connection.execute(table.create(suffix).encode())
        for total in tables_of(model)[len(tables_of(model)) - len(model.sums) :]:
            connection.execute(total.create_key(suffix).encode())
        connection.execute(
            "INSERT INTO model.builds (model, suffix, version, shape, through) VALUES (%s, %s, %s, %s, %s)",
            (model.name, suffix, model.version, code(model), through),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO model.build_ranges (model, suffix, n, tenant, done, below) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                [
                    (model.name, suffix, n, piece.tenant, piece.after, piece.below)
                    for n, piece in enumerate(cut(connection, model, through, pieces))
                ],
            )
    return through


def drop(connection: psycopg.Connection, model: ReadModel, suffix: str) -> None:
    """Throw away a build and its tables; part of the caller's transaction."""
    for table in tables_of(model):
        connection.execute(f"DROP TABLE IF EXISTS {table.named(suffix)}".encode())
    connection.execute("DELETE FROM model.builds WHERE model = %s AND suffix = %s", (model.name, suffix))
    connection.execute("DELETE FROM model.held WHERE model = %s AND suffix = %s", (model.name, suffix))


def work(
    log: Log, connection: psycopg.Connection, model: ReadModel, suffix: str, through: int
) -> Iterator[Chunk]:
    """Fold chunk after chunk of any range that is not finished and that no other worker has, until none is left."""
    applier = Applier(model, suffix)
    while True:
        with connection.transaction():
            row = connection.execute(
                "SELECT n, tenant, done, below FROM model.build_ranges WHERE model = %s AND suffix = %s "
                "AND NOT finished ORDER BY n LIMIT 1 FOR UPDATE SKIP LOCKED",
                (model.name, suffix),
            ).fetchone()
            if row is None:
                return
            n, rest = row[0], Range(*row[1:])
            events, last = _chunk(log, connection, rest, through)
            _fold(connection, applier, events)
            connection.execute(
                "UPDATE model.build_ranges SET done = %s, finished = %s, events = events + %s "
                "WHERE model = %s AND suffix = %s AND n = %s",
                (events[-1].stream if events else rest.after, last, len(events), model.name, suffix, n),
            )
        yield Chunk(len(events))


def _chunk(
    log: Log, connection: psycopg.Connection, rest: Range, through: int
) -> tuple[list[Recorded], bool]:
    """Return the next whole streams of a range, and whether they are its last."""
    limit = CHUNK
    while True:
        rows = connection.execute(
            f"SELECT {LEAN_COLUMNS} FROM log.events WHERE tenant = %s AND stream > %s AND stream < %s "
            "AND position <= %s ORDER BY tenant, stream, version LIMIT %s",
            (rest.tenant, rest.after, rest.below, through, limit),
        ).fetchall()
        if len(rows) < limit:
            return list(log.decode(rows, strict=False)), True
        cut_off = rows[-1][2]
        whole = [row for row in rows if row[2] != cut_off]
        if whole:
            return list(log.decode(whole, strict=False)), False
        limit *= 4


def _fold(connection: psycopg.Connection, applier: Applier, events: list[Recorded]) -> None:
    def history(tenant: str, stream: str) -> list[Recorded]:
        return [recorded for recorded in events if recorded.tenant == tenant and recorded.stream == stream]

    if not events:
        return
    left = waiting(connection, [applier.model], applier.suffix).get(applier.model.name, Waiting())
    groups = grouped(applier.model, events)
    try:
        with connection.transaction():
            applier.apply(connection, groups, history, left)
    except UNWRITABLE:
        applier.apply_carefully(connection, groups, history, left)


def finish(connection: psycopg.Connection, model: ReadModel, suffix: str, partitions: int) -> None:
    """Once every range is folded: add keys, indexes and guards; from here the build follows the log."""
    with connection.transaction():
        row = connection.execute(
            "SELECT positions, (SELECT count(*) FROM model.build_ranges r WHERE r.model = b.model "
            "AND r.suffix = b.suffix AND NOT finished) FROM model.builds b WHERE model = %s AND suffix = %s FOR UPDATE",
            (model.name, suffix),
        ).fetchone()
        if row is None or row[1]:
            raise NotThisBuild(f"the build of {model.name} is not complete")
        if row[0] is not None:
            return
        sums = {total.name for total in model.sums}
        for table in tables_of(model):
            keyed = [] if table.name in sums else [table.create_key(suffix)]
            for statement in (*keyed, *table.create_indexes(suffix)):
                connection.execute(statement.encode())
            connection.execute(f"ANALYZE {table.named(suffix)}".encode())
        guard(connection, model, suffix)
        connection.execute(
            "UPDATE model.builds SET positions = array_fill(through, ARRAY[%s]) WHERE model = %s AND suffix = %s",
            (partitions, model.name, suffix),
        )


def follow(  # noqa: PLR0913 - from where, what, how far
    log: Log,
    connection: psycopg.Connection,
    model: ReadModel,
    suffix: str,
    until: Sequence[int],
    *,
    follower: Follower | None = None,
) -> None:
    """Bring a finished build in batches from where it stands to the position that `until` has for each partition.

    Reads what carries the log, by default the log itself. Raises NotThere where that lacks events for a minute.
    """
    source = follower or LogFollower(log)
    applier = Applier(model, suffix)
    while True:
        with connection.transaction():
            row = connection.execute(
                "SELECT positions FROM model.builds WHERE model = %s AND suffix = %s FOR UPDATE",
                (model.name, suffix),
            ).fetchone()
            if row is None or row[0] is None:
                raise NotThisBuild(f"the build of {model.name} is not complete")
            places: list[int] = row[0]
            behind = [n for n, place in enumerate(places) if place < until[n]]
            if not behind:
                return
            after = min(places[n] for n in behind)
            some = [n for n in behind if places[n] == after]
            reached, events = source.read(after, min([after + CHUNK, *(until[n] for n in some)]), some)
            if reached == after and not source.wait(after, _PATIENCE):
                raise NotThere(f"nothing after position {after} came in {_PATIENCE:.0f} s")
            places = [reached if n in some else place for n, place in enumerate(places)]
            _fold_on(log, connection, applier, events, places)
            connection.execute(
                "UPDATE model.builds SET positions = %s WHERE model = %s AND suffix = %s",
                (places, model.name, suffix),
            )


def _fold_on(
    log: Log,
    connection: psycopg.Connection,
    applier: Applier,
    events: Sequence[Recorded],
    reached: Sequence[int],
) -> None:
    def history(tenant: str, stream: str) -> list[Recorded]:
        return read_stream(log, tenant, stream, reached)

    groups = grouped(applier.model, events)
    if not groups:
        return
    left = waiting(connection, [applier.model], applier.suffix).get(applier.model.name, Waiting())
    try:
        with connection.transaction():
            applier.apply(connection, groups, history, left)
    except UNWRITABLE:
        applier.apply_carefully(connection, groups, history, left)
