"""Leads: who asked, through which form, by which first and last touch, and what became of it."""

from copy import copy
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from domain.lead import (
    UNKNOWN,
    FormSubmitted,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    LeadLinkedToCustomer,
    LeadOwnerAssigned,
    LeadQualified,
    Status,
    Touch,
    status,
)
from domain.record import PersonalDataErased
from domain.register import Register, Stamp, stamp
from projections.anomaly import Anomalies, noted, open_kinds
from projections.definition import Fold, ReadModel, Row
from streams.records import Recorded

T = TypeVar("T")
_LATEST: Stamp = (2**62, 0, "")


class Lead(msgspec.Struct, omit_defaults=True):
    """What the fold of one lead remembers."""

    captured_at: datetime | None = None
    source: str | None = None
    source_id: str | None = None
    form: Register[str | None] = Register(None)
    standing: Register[Status] = Register("open")
    owner: Register[str | None] = Register(None)
    customer: Register[str | None] = Register(None)
    first: Register[Touch] = Register(UNKNOWN, _LATEST)
    last: Register[Touch] = Register(UNKNOWN)
    fields: dict[str, Register[str]] = {}
    converted_at: datetime | None = None
    deal: Register[str | None] = Register(None)
    anomalies: Anomalies = {}


def _captured(state: Lead | None, recorded: Recorded) -> Lead:
    event: LeadCaptured = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    facts = (event.occurred_at, event.source, event.source_id)
    if after.captured_at is None or facts[:2] < (after.captured_at, after.source or ""):
        after.captured_at, after.source, after.source_id = facts
    _asked(after, event)
    return _checked(after, recorded)


def _submitted(state: Lead | None, recorded: Recorded) -> Lead:
    event: FormSubmitted = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    _asked(after, event)
    return _checked(after, recorded)


def _asked(after: Lead, event: LeadCaptured | FormSubmitted) -> None:
    at = stamp(event.occurred_at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    after.form = after.form.offer(event.form, at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    if event.touch != UNKNOWN:
        after.first = _earlier(after.first, event.touch, at)
        after.last = after.last.offer(event.touch, at)
    fields = dict(after.fields)
    for name, value in (event.fields or {}).items():
        fields[name] = fields[name].offer(value, at) if name in fields else Register(value, at)
    after.fields = fields


def _owned(state: Lead | None, recorded: Recorded) -> Lead:
    event: LeadOwnerAssigned = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    after.owner = after.owner.offer(event.owner, stamp(event.occurred_at))
    return _checked(after, recorded)


def _judged(state: Lead | None, recorded: Recorded) -> Lead:
    after = _copied(state)
    standing: Status = "qualified" if isinstance(recorded.event, LeadQualified) else "disqualified"
    after.standing = after.standing.offer(standing, stamp(recorded.event.occurred_at))
    return _checked(after, recorded)


def _converted(state: Lead | None, recorded: Recorded) -> Lead:
    event: LeadConverted = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    at = stamp(event.occurred_at)
    earliest = after.converted_at or event.occurred_at
    after.converted_at = min(earliest, event.occurred_at)
    if event.deal_id is not None:
        after.deal = after.deal.offer(event.deal_id, at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    return _checked(after, recorded)


def _linked(state: Lead | None, recorded: Recorded) -> Lead:
    event: LeadLinkedToCustomer = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    after.customer = after.customer.offer(event.customer_id, stamp(event.occurred_at))
    return _checked(after, recorded)


def _erased(state: Lead | None, _recorded: Recorded) -> Lead:
    after = _copied(state)
    after.fields = {}
    return after


def _copied(state: Lead | None) -> Lead:
    return copy(state) if state else Lead()


def _earlier(before: Register[T], value: T, at: Stamp) -> Register[T]:
    """Return the older of two; at equal stamps the content decides."""
    if at < before.stamp or (at == before.stamp and repr(value) < repr(before.value)):
        return Register(value, at)
    return before


def _checked(state: Lead, recorded: Recorded) -> Lead:
    unknown: dict[str, dict[str, Any]] = {"lead-unknown": {}} if state.captured_at is None else {}
    state.anomalies = noted(state.anomalies, unknown, recorded)
    return state


def _row(state: Lead) -> Row:
    first, last = state.first.value, state.last.value
    fields = {name: register.value for name, register in sorted(state.fields.items())}
    return (
        state.customer.value,
        state.source,
        state.source_id,
        state.captured_at,
        state.form.value,
        status(state.standing.value, converted=state.converted_at is not None),
        state.owner.value,
        *(first.source, first.medium, first.campaign),
        *(last.source, last.medium, last.campaign),
        state.converted_at,
        state.deal.value,
        msgspec.json.encode(fields).decode(),
        open_kinds(state.anomalies),
    )


LEADS = ReadModel(
    name="leads",
    version=1,
    kinds=("lead",),
    fold=Fold(
        name="leads",
        key="lead_id",
        columns={
            "customer_id": "text",
            "source": "text",
            "source_id": "text",
            "captured_at": "timestamptz",
            "form": "text",
            "status": "text",
            "owner": "text",
            "first_source": "text",
            "first_medium": "text",
            "first_campaign": "text",
            "last_source": "text",
            "last_medium": "text",
            "last_campaign": "text",
            "converted_at": "timestamptz",
            "deal_id": "text",
            "fields": "jsonb",
            "anomalies": "jsonb",
        },
        state=Lead,
        evolve={
            LeadCaptured: _captured,
            FormSubmitted: _submitted,
            LeadOwnerAssigned: _owned,
            LeadQualified: _judged,
            LeadDisqualified: _judged,
            LeadConverted: _converted,
            LeadLinkedToCustomer: _linked,
            PersonalDataErased: _erased,
        },
        row=_row,
        indexes=("customer_id", "captured_at"),
    ),
)
