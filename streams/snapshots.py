"""Snapshots of eventsourcing applications, beside the log."""

from collections.abc import Sequence
from typing import Any

from eventsourcing import persistence as library
from eventsourcing.persistence import StoredEvent
from psycopg import errors as pg

from streams.applications import Id, OnLog, shifted


class SnapshotRecorder(OnLog, library.AggregateRecorder):
    """Keeps snapshots beside the log: they are no facts, and may be deleted."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:  # noqa: ANN401 - as the library's
        """Record snapshots, all or none. Raises IntegrityError where one of their versions exists."""
        rows = [
            (
                self.scope.tenant,
                self.scope.application,
                str(e.originator_id),
                e.originator_version,
                e.topic,
                e.state,
            )
            for e in stored_events
        ]
        try:
            with self.log.connection() as connection, connection.transaction(), connection.cursor() as cursor:
                cursor.executemany("INSERT INTO log.snapshots VALUES (%s, %s, %s, %s, %s, %s)", rows)
        except pg.UniqueViolation as cause:
            raise library.IntegrityError("a snapshot of this version exists") from cause
        return None

    def select_events(
        self,
        originator_id: Id,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return an aggregate's snapshots above version `gt`, up to `lte`, in order or backwards."""
        with self.log.connection() as connection:
            rows = connection.execute(
                "SELECT version, topic, state FROM log.snapshots "
                "WHERE (tenant, application, originator) = (%s, %s, %s) AND version + 1 > %s AND version + 1 <= %s "
                f"ORDER BY version {'DESC' if desc else 'ASC'} LIMIT %s",
                (self.scope.tenant, self.scope.application, str(originator_id), *shifted(gt, lte), limit),
            ).fetchall()
        return [
            StoredEvent(
                originator_id=originator_id, originator_version=version, topic=topic, state=bytes(state)
            )
            for version, topic, state in rows
        ]
