"""One event, explained: what it told, what it changed, who, when, and what it was recorded with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from api.pages.templates import plain_day
from domain.event import Event
from domain.ids import kind_of
from domain.money import written
from domain.record import effective
from projections.customers import CUSTOMERS
from projections.deals import DEALS
from projections.definition import Fold
from projections.invoices import INVOICES
from projections.leads import LEADS
from projections.orders import ORDERS, Money
from streams.log import COLUMNS, Log
from streams.records import Recorded, Unreadable

_FOLDS: Mapping[str, Fold[Any]] = {
    kind: model.fold
    for model in (CUSTOMERS, LEADS, DEALS, ORDERS, INVOICES)
    if model.fold is not None
    for kind in model.kinds or ()
}
_UNSHOWN = frozenset({"customer_id", "merged_into", "pipeline_version", "sequence", "found_by"})
_REFUNDS = "told_refunds"
_NOTHING: tuple[object, ...] = ("", "[]", "{}", [], (), {})
_NEAR = 100  # positions before and after an event where those of the same command are


@dataclass(frozen=True, slots=True)
class Change:
    """A value that an event changed."""

    label: str
    before: str | datetime | None
    after: str | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One event with all that the log knows of it."""

    recorded: Recorded
    changes: tuple[Change, ...]
    told: tuple[tuple[str, str], ...]
    together: tuple[int, ...]

    @property
    def readable(self) -> bool:
        """Say whether this code can read the event."""
        return not isinstance(self.recorded.event, Unreadable)


def explained(log: Log, tenant: str, position: int) -> Explained | None:
    """Return the tenant's event at a position, None where there is none."""
    found = log.read(position - 1, 1, until=position, strict=False)
    if not found or found[0].tenant != tenant:
        return None
    recorded = found[0]
    return Explained(
        recorded=recorded,
        changes=_changes(log, recorded),
        told=tuple(_told(recorded.event)),
        together=_together(log, recorded),
    )


def _changes(log: Log, recorded: Recorded) -> tuple[Change, ...]:
    """Return what the event changed of its record's row when it was recorded."""
    fold = _FOLDS.get(kind_of(recorded.stream))
    if fold is None:
        return ()
    until = [one for one in _until(log, recorded) if not isinstance(one.event, Unreadable)]
    after = _row(fold, until)
    before = _row(fold, [one for one in until if one.version < recorded.version])
    currency = after.get("currency") or before.get("currency")
    values = [
        (name, _value(name, before.get(name), currency), _value(name, after.get(name), currency))
        for name in fold.columns
        if name not in _UNSHOWN
    ]
    return tuple(Change(_label(name), was, is_) for name, was, is_ in values if was != is_)


def _until(log: Log, recorded: Recorded) -> list[Recorded]:
    with log.connection() as connection:
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM log.events WHERE tenant = %s AND stream = %s AND version <= %s ORDER BY version",
            (recorded.tenant, recorded.stream, recorded.version),
        ).fetchall()
    return list(log.decode(rows, strict=False))


def _row(fold: Fold[Any], events: Sequence[Recorded]) -> dict[str, Any]:
    standing = {version for version, _ in effective([(one.version, one.event) for one in events])}
    state = None
    for one in events:
        step = fold.evolve.get(type(one.event))
        if step is not None and one.version in standing:
            state = step(state, one)
    return {} if state is None else dict(zip(fold.columns, fold.row(state), strict=True))


def _together(log: Log, recorded: Recorded) -> tuple[int, ...]:
    """Return the positions of the other events that the same command recorded."""
    if recorded.command_id is None:
        return ()
    with log.connection() as connection:
        rows = connection.execute(
            "SELECT position FROM log.events WHERE position BETWEEN %s AND %s AND tenant = %s AND command_id = %s "
            "ORDER BY position",
            (recorded.position - _NEAR, recorded.position + _NEAR, recorded.tenant, recorded.command_id),
        ).fetchall()
    return tuple(position for (position,) in rows if position != recorded.position)


def _told(event: Event) -> Iterable[tuple[str, str]]:
    if isinstance(event, Unreadable):
        return
    for name, value in msgspec.to_builtins(event).items():
        if name != "occurred_at" and (shown := _shown(value)):
            yield _label(name), shown


def _label(name: str) -> str:
    return "Refunds" if name == _REFUNDS else name.replace("_", " ").capitalize()


def _value(name: str, value: object, currency: str | None) -> str | datetime | None:
    """Return a value as people read it; a time as it is, for the page tells it in the tenant's time zone."""
    match value:
        case str() if name == _REFUNDS:
            refunds = msgspec.json.decode(value, type=list[Money])
            return ", ".join(written(one.amount, one.currency) for one in refunds)
        case str() if name == "anomalies":
            kinds = msgspec.json.decode(value, type=list[str])
            return ", ".join(kinds).replace("-", " ") or None
        case Decimal() if currency:
            return written(value, currency)
        case date() if name == "due_at" or not isinstance(value, datetime):
            return plain_day(value)
        case datetime():
            return value
        case _:
            return _shown(value)


def _shown(value: object) -> str | None:
    """Return a value as people read it; None for nothing."""
    if value is None or value in _NOTHING:
        return None
    if isinstance(value, list | tuple | dict):
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return "yes" if value is True else "no" if value is False else str(value)
