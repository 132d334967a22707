"""The stock library on the same events: its recorder, its ProjectionRunner, a view of one upsert an event."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier


@dataclass(frozen=True)
class Happened(DomainEvent):
    """One of our events as the library stores it."""

    type: str
    data: dict[str, Any]


class Records(Application[UUID]):
    """An application whose events were written by others."""

    name = "records"


class LastSeen(PostgresTrackingRecorder):
    """A view of one row a subject."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self._table = "last_seen"
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {}.{} "
                "(id uuid PRIMARY KEY, type text, amount numeric, at timestamptz)"
            ).format(Identifier(self.datastore.schema), Identifier(self._table))
        )
        self._upsert = SQL(
            "INSERT INTO {}.{} VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET type = excluded.type, "
            "amount = coalesce(excluded.amount, last_seen.amount), at = excluded.at"
        ).format(Identifier(self.datastore.schema), Identifier(self._table))

    def see(self, event: Happened, tracking: Tracking) -> None:
        """Write the row of an event and how far the view is, in one transaction."""
        data = event.data
        row = (event.originator_id, event.type, data.get("amount") or data.get("total"), event.timestamp)
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._upsert, row, prepare=True)


class Seeing(Projection[LastSeen]):
    """Shows each event to the view."""

    name = "seeing"

    def process_event(self, domain_event: Happened, tracking: Tracking) -> None:
        """Write one event."""
        self.view.see(domain_event, tracking)


def events_per_second(conninfo: str, events: int) -> float:
    """Copy the log's first events to the stock recorder and return how many of them its runner projects a second."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT stream, version, type, data::text FROM log.events ORDER BY position LIMIT %s", (events,)
        ).fetchall()
    env = _env(conninfo)
    app = Records(env)
    happened = [
        Happened(
            originator_id=UUID(stream.partition("-")[2]),
            originator_version=version,
            timestamp=datetime.fromisoformat(json.loads(data)["occurred_at"]),
            type=name,
            data=json.loads(data),
        )
        for stream, version, name, data in rows
    ]
    stored = [app.mapper.to_stored_event(event) for event in happened]
    for start in range(0, len(stored), 500):
        app.recorder.insert_events(stored[start : start + 500])
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Records, projection_class=Seeing, view_class=LastSeen, env=env
    ) as runner:
        runner.wait(len(stored), timeout=300)
        return len(stored) / (time.perf_counter() - began)


def _env(conninfo: str) -> dict[str, str]:
    given = conninfo_to_dict(conninfo)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(given["dbname"]),
        "POSTGRES_HOST": str(given.get("host", "")),
        "POSTGRES_PORT": str(given.get("port", "5432")),
        "POSTGRES_USER": str(given.get("user", "postgres")),
        "POSTGRES_PASSWORD": str(given.get("password", "") or "none"),
    }
