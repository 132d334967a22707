"""Rebuild: fold read models afresh beside the live ones, compare, and swap them in."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from domain.tenant import ReadModelRebuilt
from projections.checkpoints import projecting
from projections.definition import Models, ReadModel
from projections.models import ALL
from projections.operations import leave
from projections.tables import SHADOW, tables_of
from replay.building import begin, finish, follow, work
from replay.comparing import Difference, Sides, compare, snapshot
from replay.explaining import explained
from replay.ranges import tenants
from replay.report import Progress, Rebuilt, Report, Tell
from replay.swapping import checkpoint, swap
from replay.workers import work_in_parallel
from streams.follower import Follower
from streams.log import Log

__all__ = ["Progress", "RebuildUnderWay", "Rebuilt", "Report", "Tell", "rebuild"]

LOCK = 0x72626C64
"""The advisory lock ("rbld") of the one process that rebuilds."""

WORTH_PROCESSES = 100_000
"""From so many events on, starting worker processes pays."""


class RebuildUnderWay(Exception):
    """Another process rebuilds read models of this database."""


def rebuild(  # noqa: PLR0913 - what, how, by whom and why
    log: Log,
    names: Sequence[str],
    *,
    workers: int | None = None,
    approve: bool = False,
    reason: str = "",
    actor: str = "operator",
    progress: Tell | None = None,
    models: Models = ALL,
    follower: Follower | None = None,
) -> Report:
    """Rebuild read models, named by model, table or view, beside the live ones, which go on.

    Swaps the fresh tables in when they equal the live ones, or when `approve` says that what differs is right; models
    of an older version are rebuilt along with them and always swapped. Killed at any moment, the next call resumes.
    A `follower` gives the events of what else carries the log, in order and without workers. Leaves a
    ReadModelRebuilt in each tenant's operations. Raises UnknownReadModel, RebuildUnderWay, SwapBlocked or NotThere.
    """
    chosen = models.named(names)
    with projecting(log.conninfo) as connection, _alone(connection):
        outdated = _outdated(connection)
        chosen = (*chosen, *(m for m in models.models if m.name in outdated and m not in chosen))
        one = _Rebuilding(log, connection, models, workers or default_workers(), progress, follower=follower)
        found = tuple(one.build(model) for model in chosen)
        if all(approve or each.name in outdated or not each.differing for each in found):
            swap(log, connection, chosen, SHADOW)
            found = tuple(replace(each, swapped=True) for each in found)
            events = [_event(each, reason, approved=approve) for each in found]
            for tenant in tenants(connection):
                leave(log, tenant, events, actor=actor)
    return Report(found)


def default_workers() -> int:
    """Return how many processes a rebuild uses when nobody says: one a core, at most 8."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class _Rebuilding:
    def __init__(  # noqa: PLR0913 - as rebuild
        self,
        log: Log,
        connection: psycopg.Connection,
        models: Models,
        workers: int,
        progress: Tell | None,
        *,
        follower: Follower | None,
    ) -> None:
        self._log = log
        self._connection = connection
        self._models = models
        self._workers = workers
        self._progress = progress
        self._follower = follower

    def build(self, model: ReadModel) -> Rebuilt:
        """Fold, follow up to the live tables' checkpoint and compare."""
        began = time.monotonic()
        places = checkpoint(self._connection, model)
        by_ranges = 0 if self._follower else min(places)
        through = begin(self._connection, model, SHADOW, by_ranges, self._workers * 4)
        events = self._fold(model, through) or min(places)
        finish(self._connection, model, SHADOW, self._log.partitions)
        reached, differing, differences = self._compare(model)
        rows = sum(_count(self._connection, table.named(SHADOW)) for table in tables_of(model))
        return Rebuilt(
            name=model.name,
            tables=model.tables,
            through=reached,
            rows=rows,
            events=events,
            differing=differing,
            differences=tuple(differences),
            swapped=False,
            seconds=time.monotonic() - began,
        )

    def _fold(self, model: ReadModel, through: int) -> int:
        """Fold every range; the total told is all that the log holds, an upper bound for most models."""
        began, done = time.monotonic(), 0
        for chunk in self._chunks(model, through):
            done += chunk
            if self._progress is not None:
                rate = done / max(time.monotonic() - began, 1e-9)
                left = max(through - done, 0) / rate if rate else None
                self._progress(Progress(model.name, "fold", done, through, rate, left))
        return done

    def _chunks(self, model: ReadModel, through: int) -> Iterator[int]:
        if self._workers > 1 and self._models is ALL and through > WORTH_PROCESSES:
            yield from work_in_parallel(self._log, model, SHADOW, through, self._workers)
        for chunk in work(self._log, self._connection, model, SHADOW, through):
            yield chunk.events

    def _compare(self, model: ReadModel) -> tuple[int, int, list[Difference]]:
        """Compare at the live tables' checkpoint, frozen in a snapshot while the projector goes on."""
        with snapshot(self._log.conninfo) as live:
            places = checkpoint(live, model)
            reached = min(places)
            follow(self._log, self._connection, model, SHADOW, places, follower=self._follower)
            if not self._comparable(model):
                return reached, _all_rows(self._connection, model), []
            with snapshot(self._log.conninfo) as fresh:
                count, listed = compare(Sides(live, fresh, SHADOW), model)
        return reached, count, explained(self._connection, model, listed, SHADOW)

    def _comparable(self, model: ReadModel) -> bool:
        """Say whether the live tables have the columns of the fresh ones."""
        row = self._connection.execute(
            "SELECT state FROM model.checkpoints WHERE name = %s", (model.name,)
        ).fetchone()
        return row == ("following",)


def _all_rows(connection: psycopg.Connection, model: ReadModel) -> int:
    return sum(_count(connection, table.named(SHADOW)) for table in tables_of(model))


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    if connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() != (True,):
        raise RebuildUnderWay("another process rebuilds read models of this database")
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _outdated(connection: psycopg.Connection) -> set[str]:
    return {
        name for (name,) in connection.execute("SELECT name FROM model.checkpoints WHERE state = 'outdated'")
    }


def _event(rebuilt: Rebuilt, reason: str, *, approved: bool) -> ReadModelRebuilt:
    return ReadModelRebuilt(
        occurred_at=datetime.now(UTC),
        name=rebuilt.name,
        through=rebuilt.through,
        rows=rebuilt.rows,
        differing=rebuilt.differing,
        approved=approved,
        reason=reason,
    )
