"""The history of one field of a customer: every value anyone told, from the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from domain.customer import CHANGES, PERSONAL, FieldConflictSettled, FieldEmptied, ProfileConfirmed, told
from domain.event import Event, stored_as
from domain.ids import id_of
from domain.record import EventsWithdrawn, PersonalDataErased, effective
from streams.log import COLUMNS, Log
from streams.records import Recorded

What = Literal["told", "confirmed", "settled", "erased"]
CHANGED: Mapping[str, type[Event]] = {name: cast("type[Event]", change) for name, change in CHANGES.items()}
"""The event that tells each field."""
_ALWAYS: tuple[type[Event], ...] = (
    FieldEmptied,
    ProfileConfirmed,
    FieldConflictSettled,
    EventsWithdrawn,
    PersonalDataErased,
)
_TYPES: Mapping[str, list[str]] = {
    name: [stored_as(cls).name for cls in (change, *_ALWAYS)] for name, change in CHANGED.items()
}
_MOST = 500  # values shown of one field


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One thing that happened to a field: a value was told or confirmed, or others dismissed.

    The value is None where it was forgotten since, and EMPTY where it was taken away.
    """

    position: int
    customer_id: str
    source: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    what: What = "told"
    value: str | None = None
    by_owner: bool = True
    withdrawn: bool = False


def field_history(log: Log, tenant: str, customer_ids: Sequence[str], name: str) -> tuple[Telling, ...]:
    """Return what was told of a field of these records of one person, by the sources' own clocks, the newest first."""
    streams = [f"customer-{ident}" for ident in customer_ids]
    with log.connection() as connection:
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM log.events WHERE tenant = %s AND stream = ANY(%s) AND type = ANY(%s) "
            "ORDER BY position DESC LIMIT %s",
            (tenant, streams, _TYPES[name], _MOST),
        ).fetchall()
    events = list(log.decode(rows, strict=False))
    found = [telling for stream in streams for telling in _of_stream(events, stream, name)]
    return tuple(sorted(found, key=lambda one: (one.occurred_at, one.position), reverse=True))


def _of_stream(events: Sequence[Recorded], stream: str, name: str) -> list[Telling]:
    ours = [recorded for recorded in events if recorded.stream == stream]
    standing = {version for version, _ in effective([(one.version, one.event) for one in ours])}
    return [
        telling
        for recorded in ours
        if (telling := _telling(recorded, name, withdrawn=recorded.version not in standing)) is not None
    ]


def _telling(recorded: Recorded, name: str, *, withdrawn: bool) -> Telling | None:
    event = recorded.event
    telling = Telling(
        position=recorded.position,
        customer_id=id_of(recorded.stream),
        source=recorded.source,
        actor=recorded.actor,
        occurred_at=event.occurred_at,
        recorded_at=recorded.recorded_at,
        withdrawn=withdrawn,
    )
    match event:
        case PersonalDataErased():
            return replace(telling, what="erased") if name in PERSONAL else None
        case FieldConflictSettled(field=settled):
            return replace(telling, what="settled") if settled == name else None
        case EventsWithdrawn():
            return None
        case _:
            pass
    given = next((one for one in told(event) if one.field == name), None)
    if given is not None:
        what: What = "confirmed" if isinstance(event, ProfileConfirmed) else "told"
        return replace(telling, what=what, value=given.value, by_owner=given.by_owner)
    return telling if isinstance(event, CHANGED[name]) else None
