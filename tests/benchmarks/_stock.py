"""The stock library on the same events: its recorder, its ProjectionRunner, a view of the same tables as ours."""

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


_SUBJECTS = (
    "CREATE TABLE IF NOT EXISTS {}.subjects (id uuid PRIMARY KEY, type text, amount numeric, paid numeric, "
    "refunded numeric, customer_id text, stage text, at timestamptz)"
)
_CUSTOMERS = (
    "CREATE TABLE IF NOT EXISTS {}.money (customer_id text PRIMARY KEY, orders bigint, gross numeric, "
    "refunded numeric)"
)
_STAGES = (
    "CREATE TABLE IF NOT EXISTS {}.stages (id uuid, version bigint, stage text, at timestamptz, "
    "PRIMARY KEY (id, version))"
)
_SUBJECT = (
    "INSERT INTO {}.subjects AS s VALUES (%(id)s, %(type)s, %(total)s, %(paid)s, %(refunded)s, %(customer)s, "
    "%(stage)s, %(at)s) ON CONFLICT (id) DO UPDATE SET type = excluded.type, "
    "amount = coalesce(excluded.amount, s.amount), "
    "paid = coalesce(s.paid + excluded.paid, excluded.paid, s.paid), "
    "refunded = coalesce(s.refunded + excluded.refunded, excluded.refunded, s.refunded), "
    "stage = coalesce(excluded.stage, s.stage), at = excluded.at"
)
_MONEY = (
    "INSERT INTO {0}.money AS m SELECT customer_id, %(orders)s, %(total)s, %(refunded)s FROM {0}.subjects "
    "WHERE id = %(id)s AND customer_id IS NOT NULL ON CONFLICT (customer_id) DO UPDATE SET "
    "orders = m.orders + excluded.orders, gross = m.gross + excluded.gross, refunded = m.refunded + excluded.refunded"
)
_STAGE = "INSERT INTO {}.stages VALUES (%(id)s, %(version)s, %(stage)s, %(at)s) ON CONFLICT DO NOTHING"


class Tables(PostgresTrackingRecorder):
    """The tables that our read models keep, with fewer columns: a row a subject, money a customer, stages entered."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        schema = Identifier(self.datastore.schema)
        self.sql_create_statements += [SQL(q).format(schema) for q in (_SUBJECTS, _CUSTOMERS, _STAGES)]
        self._subject, self._money, self._stage = (SQL(q).format(schema) for q in (_SUBJECT, _MONEY, _STAGE))

    def see(self, event: Happened, tracking: Tracking) -> None:
        """Write what an event changes and how far the view is, in one transaction."""
        data, kind = event.data, event.type
        values = {
            "id": event.originator_id,
            "version": event.originator_version,
            "type": kind,
            "at": event.timestamp,
            "orders": 1 if kind == "order-placed.v1" else 0,
            "total": data.get("total") or (data.get("amount") if kind == "deal-amount-changed.v1" else None),
            "paid": data.get("amount") if kind == "payment-received.v1" else None,
            "refunded": data.get("amount") if kind == "refund-issued.v1" else None,
            "customer": data.get("customer_id"),
            "stage": data.get("stage"),
        }
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._subject, values, prepare=True)
            if kind in {"order-placed.v1", "refund-issued.v1"}:
                moved = {"total": values["total"] or 0, "refunded": values["refunded"] or 0}
                cursor.execute(self._money, {**values, **moved}, prepare=True)
            if kind in {"deal-opened.v1", "stage-changed.v1"}:
                cursor.execute(self._stage, values, prepare=True)


class Seeing(Projection[Tables]):
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
        application_class=Records, projection_class=Seeing, view_class=Tables, env=env
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
