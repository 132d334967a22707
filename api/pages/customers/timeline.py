"""The timeline of a customer: what happened as sentences, the newest first, by kind and by search, page by page."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api.http.v1.listing import like, searched
from api.pages.customers.standing import Standing
from api.pages.records.naming import Record, records_of
from domain.ids import kind_of

PAGE = 40
"""How many events a page of the timeline holds."""

KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "deals": (
        "Deals",
        frozenset(
            {
                "deal-opened.v1",
                "stage-changed.v1",
                "deal-amount-changed.v1",
                "deal-owner-assigned.v1",
                "deal-retitled.v1",
                "deal-won.v1",
                "deal-lost.v1",
                "deal-reopened.v1",
                "deal-linked-to-customer.v1",
                "follow-up-scheduled.v1",
                "follow-up-completed.v1",
            }
        ),
    ),
    "orders": (
        "Orders",
        frozenset(
            {
                "order-placed.v1",
                "order-revised.v1",
                "payment-received.v1",
                "shipment-sent.v1",
                "order-cancelled.v1",
                "order-linked-to-customer.v1",
            }
        ),
    ),
    "refunds": ("Refunds", frozenset({"refund-issued.v1", "invoice-refunded.v1"})),
    "invoices": ("Invoices", frozenset({"invoice-issued.v1", "invoice-paid.v1", "invoice-voided.v1"})),
    "messages": (
        "Messages",
        frozenset(
            {
                "lead-captured.v1",
                "form-submitted.v1",
                "message-queued.v1",
                "message-sent.v1",
                "message-failed.v1",
                "deal-activity-recorded.v1",
            }
        ),
    ),
    "customer": (
        "Customer",
        frozenset(
            {
                "customer-registered.v1",
                "name-changed.v1",
                "email-changed.v1",
                "phone-changed.v1",
                "company-changed.v1",
                "country-changed.v1",
                "lifecycle-stage-changed.v1",
                "customer-owner-assigned.v1",
                "field-emptied.v1",
                "consent-given.v1",
                "consent-withdrawn.v1",
                "lead-owner-assigned.v1",
                "lead-qualified.v1",
                "lead-disqualified.v1",
                "lead-converted.v1",
                "lead-linked-to-customer.v1",
            }
        ),
    ),
    "system": (
        "System",
        frozenset(
            {
                "identity-linked.v1",
                "identity-taken.v1",
                "field-conflict-settled.v1",
                "customer-merged.v1",
                "customer-unmerged.v1",
                "customer-absorbed.v1",
                "customer-released.v1",
                "events-withdrawn.v1",
                "personal-data-erased.v1",
            }
        ),
    ),
}
"""The kinds of events by the name in an address: how people call them, and the types that are one."""

MILESTONES = frozenset(
    {
        "customer-registered.v1",
        "lead-captured.v1",
        "lead-converted.v1",
        "deal-opened.v1",
        "deal-won.v1",
        "deal-lost.v1",
        "deal-reopened.v1",
        "order-placed.v1",
        "order-cancelled.v1",
        "refund-issued.v1",
        "invoice-issued.v1",
        "invoice-paid.v1",
        "invoice-voided.v1",
        "customer-merged.v1",
        "customer-absorbed.v1",
        "customer-released.v1",
        "consent-given.v1",
        "consent-withdrawn.v1",
        "personal-data-erased.v1",
    }
)
"""The types of events that are told of a customer in one breath."""

_KIND_OF = {name: kind for kind, (_, types) in KINDS.items() for name in types}
_LATE = timedelta(days=1)
_COLUMNS = (
    "position, occurred_at, recorded_at, type, summary, actor, source, stream, "
    "customer_id AS recorded_customer_id"
)
_EVENTS = """
SELECT own.* FROM unnest(%(ids)s::text[]) AS who (id) CROSS JOIN LATERAL (
    SELECT t.* FROM model.timeline t
    WHERE t.customer_id = who.id
      AND NOT EXISTS (SELECT FROM model.links l WHERE l.stream = t.stream AND l.astray){conditions}
    {ending}
) own
UNION ALL
(SELECT t.* FROM model.links l JOIN model.timeline t ON t.stream = l.stream
 WHERE l.customer_id = ANY(%(ids)s::text[]) AND l.astray{conditions} {ending})
"""
"""The events of a person's records, as read.timeline has them: those of records that turned out to be theirs, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a timeline is asked for: some kinds (none: all), those that contain a text, milestones only.

    `before` is the position of the last event of the page before.
    """

    kinds: AbstractSet[str] = frozenset()
    q: str = ""
    milestones: bool = False
    before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event: the sentence, the record it is about, who and when."""

    position: int
    occurred_at: datetime
    recorded_at: datetime
    type: str
    kind: str
    summary: str
    actor: str
    source: str
    record: Record | None
    merged_from: str | None
    late: bool
    """Whether it was told a day or more after it happened, and after something newer on its page."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A kind of events and how many there are."""

    kind: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Chips:
    """All kinds with their counts, and the position of the newest event, whatever is searched for."""

    kinds: tuple[Chip, ...]
    newest: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of entries, and whether there are more."""

    entries: tuple[Entry, ...]
    more: bool


def kind_of_type(name: str) -> str:
    """Return the kind of a type of event; what is new to this page is the system's."""
    return _KIND_OF.get(name, "system")


def timeline(connection: psycopg.Connection, who: Standing, asked: Asked, limit: int = PAGE) -> Timeline:
    """Return a page of what happened with a customer that stands, the newest first."""
    conditions, values = _conditions(asked)
    if asked.before is not None:
        conditions += (
            " AND (t.occurred_at, t.position) < (SELECT b.occurred_at, b.position FROM model.timeline b "
            "WHERE b.position = %(before)s)"
        )
        values["before"] = asked.before
    ending = f"ORDER BY occurred_at DESC, position DESC LIMIT {limit + 1}"
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM ({_EVENTS.format(conditions=conditions, ending=ending)}) t {ending}".encode(),
        values | {"ids": who.ids},
    ).fetchall()
    return Timeline(_entries(connection, who.customer_id, rows[:limit]), len(rows) > limit)


def of_stream(connection: psycopg.Connection, stream: str, limit: int = 200) -> Timeline:
    """Return what happened to one record, the newest first."""
    return _of_one(connection, "stream = %s", stream, limit)


def of_positions(connection: psycopg.Connection, positions: Sequence[int], limit: int = 200) -> Timeline:
    """Return the events at these positions, which are all of one record, the newest first."""
    return _of_one(connection, "position = ANY(%s)", list(positions), limit)


def _of_one(connection: psycopg.Connection, condition: str, value: object, limit: int) -> Timeline:
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM model.timeline WHERE {condition} "
        f"ORDER BY occurred_at DESC, position DESC LIMIT {limit}".encode(),
        (value,),
    ).fetchall()
    return Timeline(_entries(connection, None, rows), more=False)


def newest(connection: psycopg.Connection, who: Standing) -> int:
    """Return the position of the newest event in a customer's timeline, 0 where nothing happened."""
    events = _EVENTS.format(conditions="", ending="")
    row = connection.execute(
        f"SELECT coalesce(max(position), 0) FROM ({events}) t".encode(), {"ids": who.ids}
    ).fetchone()
    return int(row[0]) if row else 0


def chips(connection: psycopg.Connection, who: Standing, asked: Asked) -> Chips:
    """Return each kind with the number of events that the search and the switch leave, in the order of KINDS."""
    conditions, values = _conditions(Asked(q=asked.q, milestones=asked.milestones))
    counts = dict.fromkeys(KINDS, 0)
    latest = 0
    events = _EVENTS.format(conditions="", ending="")
    for name, count, position in connection.execute(
        f"SELECT type, count(*) FILTER (WHERE true{conditions}), max(position) FROM ({events}) t GROUP BY 1".encode(),
        values | {"ids": who.ids},
    ).fetchall():
        counts[kind_of_type(name)] += count
        latest = max(latest, position)
    return Chips(tuple(Chip(kind, KINDS[kind][0], count) for kind, count in counts.items()), latest)


def _conditions(asked: Asked) -> tuple[str, dict[str, Any]]:
    conditions, values = list[str](), dict[str, Any]()
    if asked.kinds and "system" in asked.kinds:
        conditions.append("t.type <> ALL(%(others)s)")
        values["others"] = sorted(name for name, kind in _KIND_OF.items() if kind not in asked.kinds)
    elif asked.kinds:
        conditions.append("t.type = ANY(%(types)s)")
        values["types"] = sorted(name for name, kind in _KIND_OF.items() if kind in asked.kinds)
    if asked.milestones:
        conditions.append("t.type = ANY(%(milestones)s)")
        values["milestones"] = sorted(MILESTONES)
    if asked.q:
        conditions.append(searched("t.summary"))
        values["q"] = like(asked.q)
    return "".join(f" AND {condition}" for condition in conditions), values


def _entries(
    connection: psycopg.Connection, customer_id: str | None, rows: Sequence[Mapping[str, Any]]
) -> tuple[Entry, ...]:
    """Return entries for the page of a customer; for that of one record (None) without what would name it again."""
    others = (
        {row["stream"] for row in rows if kind_of(row["stream"]) != "customer"} if customer_id else set[str]()
    )
    records = records_of(connection, others)
    ours = {None, customer_id} if customer_id else {row["recorded_customer_id"] for row in rows}
    earliest = list(accumulate((row["position"] for row in rows), min))
    return tuple(
        Entry(
            kind=kind_of_type(row["type"]),
            record=records.get(row["stream"]),
            merged_from=None if row["recorded_customer_id"] in ours else row["recorded_customer_id"],
            late=row["position"] > told and row["recorded_at"] - row["occurred_at"] >= _LATE,
            **{name: row[name] for name in _PLAIN},
        )
        for row, told in zip(rows, earliest, strict=True)
    )


_PLAIN = ("position", "occurred_at", "recorded_at", "type", "summary", "actor", "source")
