"""Recorders that keep an eventsourcing application's events in the log; streams.recorder makes them."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing import persistence as library
from eventsourcing.persistence import Notification, StoredEvent, Tracking

from streams.codec import FOREIGN
from streams.encoder import encode, new_event_id
from streams.errors import LogRefusal
from streams.log import Log
from streams.ticket import Ticket

Id = UUID | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose events these are: a tenant's and an application's; and what its originator ids are in Python."""

    tenant: str
    application: str
    ids: type[UUID] | type[str] = UUID

    def stream(self, originator_id: Id) -> str:
        """Return the stream of an aggregate, `es.<application>-<id>`."""
        return f"es.{self.application}-{originator_id}"

    def originator(self, stream: str) -> Id:
        """Return the id of the aggregate that a stream belongs to."""
        return self.ids(stream.removeprefix(f"es.{self.application}-"))


class OnLog:
    """What every recorder has: a log, and whose part of it is meant."""

    def __init__(self, log: Log, scope: Scope) -> None:
        self.log = log
        self.scope = scope

    def _record(self, events: Sequence[StoredEvent], tracking: Tracking | None = None) -> list[int]:
        """Append events and tracking, all or nothing; return the events' positions.

        Raises IntegrityError where a version exists or the tracking is not further than the last.
        """
        places = [(self.scope.stream(event.originator_id), event.originator_version + 1) for event in events]
        if len(set(places)) < len(places):
            raise library.IntegrityError("two events have the same version")
        try:
            appended = self.log.committer.append(self._ticket(events, places, tracking))
        except LogRefusal as refusal:
            raise library.IntegrityError(str(refusal)) from refusal
        return [*range(appended.position - appended.events + 1, appended.position + 1)]

    def _ticket(
        self, events: Sequence[StoredEvent], places: list[tuple[str, int]], tracking: Tracking | None
    ) -> Ticket:
        tenant, number, rows, fresh = self.scope.tenant, next(self.log.encoder.numbers), [], []
        ticket = Ticket(number=number, version=places[-1][1] if places else 0, answer={})
        for event, (stream, version) in zip(events, places, strict=True):
            event_id = new_event_id()
            ticket.proof = ticket.proof or (tenant, stream, version, event_id)
            ticket.alone.add((tenant, stream))
            fresh.append((number, tenant, stream, version))
            rows.append(self._row(event, stream, version, event_id))
        ticket.events = len(rows)
        if rows:
            ticket.add("fresh", encode(fresh)[1:-1])
            ticket.add("events", encode(rows)[1:-1])
        if tracking is not None:
            key = (tenant, self.scope.application, tracking.application_name)
            ticket.alone.add(("tracking", *key))
            ticket.add("tracking", encode((number, *key, tracking.notification_id)))
        return ticket

    def _row(self, event: StoredEvent, stream: str, version: int, event_id: str) -> tuple[object, ...]:
        at = datetime.now(UTC)
        data = {"occurred_at": at, "state": b64encode(event.state).decode()}
        partition = self.log.partition_of(self.scope.tenant, stream)
        name, who = FOREIGN + event.topic, self.scope.application
        return (
            self.scope.tenant, stream, version, name, event_id, None, partition, at, who, who, None, None, None, data,
        )  # fmt: skip

    def _stored(self, stream: str, version: int, name: str, state: str) -> dict[str, Any]:
        return {
            "originator_id": self.scope.originator(stream),
            "originator_version": version - 1,
            "topic": name.removeprefix(FOREIGN),
            "state": b64decode(state),
        }


class LogAggregateRecorder(OnLog, library.AggregateRecorder):
    """Keeps the events of aggregates in the log."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:  # noqa: ANN401 - as the library's
        """Record events, all or none. Raises IntegrityError where one of their versions exists."""
        if stored_events:
            self._record(stored_events)
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
        """Return an aggregate's events above version `gt`, up to `lte`, in order or backwards."""
        with self.log.connection() as connection:
            rows = connection.execute(
                "SELECT stream, version, type, data ->> 'state' FROM log.events "
                "WHERE tenant = %s AND stream = %s AND version > %s AND version <= %s "
                f"ORDER BY version {'DESC' if desc else 'ASC'} LIMIT %s",
                (self.scope.tenant, self.scope.stream(originator_id), *shifted(gt, lte), limit),
            ).fetchall()
        return [StoredEvent(**self._stored(*row)) for row in rows]


class LogApplicationRecorder(LogAggregateRecorder, library.ApplicationRecorder):
    """Keeps an application's events in the log, and gives them back in log order."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:  # noqa: ANN401 - as the library's
        """Record events, all or none, and return their positions."""
        return self._record(stored_events) if stored_events else []

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to `limit` of the application's events from position `start` up to `stop`, of these topics."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        of_topics = "AND type = ANY(%s) " if topics else ""
        with self.log.connection() as connection:
            rows = connection.execute(
                "SELECT position, stream, version, type, data ->> 'state' FROM log.events "
                "WHERE position > %s AND position <= %s AND tenant = %s AND source = %s AND starts_with(type, %s) "
                f"{of_topics}ORDER BY position LIMIT %s",
                (
                    after,
                    2**62 if stop is None else stop,
                    self.scope.tenant,
                    self.scope.application,
                    FOREIGN,
                    *([[FOREIGN + topic for topic in topics]] if topics else []),
                    limit,
                ),
            ).fetchall()
        return [Notification(id=position, **self._stored(*row)) for position, *row in rows]

    def max_notification_id(self) -> int | None:
        """Return the position of the application's newest event, None before its first."""
        with self.log.connection() as connection:
            row = connection.execute(
                "SELECT position FROM log.events WHERE tenant = %s AND source = %s AND starts_with(type, %s) "
                "ORDER BY position DESC LIMIT 1",
                (self.scope.tenant, self.scope.application, FOREIGN),
            ).fetchone()
        return None if row is None else int(row[0])

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        """Return an iterator over the application's events above position `gt`, those to come included."""
        return LogSubscription(self, gt=gt, topics=topics)


class LogSubscription(library.ListenNotifySubscription[LogApplicationRecorder]):
    """Follows an application's events, woken by the append itself."""

    def __init__(
        self, recorder: LogApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._listener = Thread(target=self._listen)
        self._listener.start()

    def __exit__(self, *args: object, **kwargs: object) -> None:
        try:
            super().__exit__(*args, **kwargs)
        finally:
            self._listener.join()

    def _listen(self) -> None:
        try:
            with psycopg.connect(self._recorder.log.conninfo, autocommit=True) as connection:
                connection.execute("LISTEN backstory_log")
                self._has_been_notified.set()  # for what was appended before we listened
                while not self._has_been_stopped:
                    for _ in connection.notifies(timeout=0.1, stop_after=1):
                        self._has_been_notified.set()
        except BaseException as cause:  # noqa: BLE001 - raised by the iterator, in the subscriber's thread
            self._thread_error = self._thread_error or cause
            self.stop()


class LogTrackingRecorder(OnLog, library.TrackingRecorder):
    """Keeps how far an application has processed what it follows."""

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position. Raises IntegrityError unless it is further than the last."""
        self._record([], tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the last position recorded for an upstream application, None before the first."""
        with self.log.connection() as connection:
            row = connection.execute(
                "SELECT position FROM log.tracking WHERE (tenant, application, upstream) = (%s, %s, %s)",
                (self.scope.tenant, self.scope.application, application_name),
            ).fetchone()
        return None if row is None else int(row[0])


class LogProcessRecorder(LogTrackingRecorder, LogApplicationRecorder, library.ProcessRecorder):
    """Records new events together with the position they were made from: each is processed exactly once."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        **_: Any,  # noqa: ANN401 - as the library's
    ) -> Sequence[int] | None:
        """Record events and tracking, all or nothing. Raises IntegrityError where either was recorded before."""
        return self._record(stored_events, tracking) if stored_events or tracking else []


def shifted(gt: int | None, lte: int | None) -> tuple[int, int]:
    """Return the bounds as the log counts: its versions begin at 1, the library's at 0."""
    return -1 if gt is None else gt + 1, 2**31 - 1 if lte is None else lte + 1
