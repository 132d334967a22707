"""Deals: where each stands, and every stage it went through, in the order of the sources' own clocks."""

from bisect import bisect_left
from copy import copy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from domain.deal import (
    DealAmountChanged,
    DealLinkedToCustomer,
    DealLost,
    DealOpened,
    DealOwnerAssigned,
    DealReopened,
    DealRetitled,
    DealWon,
    FollowUpCompleted,
    FollowUpScheduled,
    StageChanged,
)
from domain.register import Register, stamp
from projections.anomaly import Anomalies, noted, open_kinds
from projections.definition import Fold, ReadModel, Row
from streams.records import Recorded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entry = tuple[int, int, str, int, str, str]
"""A stage entered: microseconds since 1970, the source's sequence, stage, position, actor, source."""


class FollowUp(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to be done by a day."""

    due_on: str
    task: str
    owner: str | None = None


class Deal(msgspec.Struct, omit_defaults=True):
    """What the fold of one deal remembers; `entries` are sorted by their first three values."""

    opened_at: datetime | None = None
    source: str | None = None
    source_id: str | None = None
    pipeline: Register[str | None] = Register(None)
    title: Register[str | None] = Register(None)
    owner: Register[str | None] = Register(None)
    value: Register[tuple[Decimal | None, str | None]] = Register((None, None))
    customer: Register[str | None] = Register(None)
    lead: Register[str | None] = Register(None)
    company: Register[str | None] = Register(None)
    outcome: Register[tuple[str, str | None]] = Register(("open", None))
    entries: tuple[Entry, ...] = ()
    odd: dict[str, str] = {}
    follow_ups: dict[str, Register[FollowUp]] = {}
    done: dict[str, bool] = {}
    anomalies: Anomalies = {}


def _opened(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealOpened = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    facts = (event.occurred_at, event.source, event.source_id)
    if after.opened_at is None or facts[:2] < (after.opened_at, after.source or ""):
        after.opened_at, after.source, after.source_id = facts
    at = stamp(event.occurred_at, event.sequence)
    after.pipeline = after.pipeline.offer(event.pipeline, at)
    after.title = after.title.offer(event.title, at)
    if event.owner is not None:
        after.owner = after.owner.offer(event.owner, at)
    if event.amount is not None:
        after.value = after.value.offer((event.amount, event.currency), at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    if event.lead_id is not None:
        after.lead = after.lead.offer(event.lead_id, at)
    if event.company is not None:
        after.company = after.company.offer(event.company, at)
    after.outcome = after.outcome.offer(("open", None), at)
    return _entered(after, event, recorded)


def _moved(state: Deal | None, recorded: Recorded) -> Deal:
    event: StageChanged = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    return _entered(after, event, recorded)


def _entered(after: Deal, event: DealOpened | StageChanged, recorded: Recorded) -> Deal:
    micros, sequence, _ = stamp(event.occurred_at, event.sequence)
    entry = (micros, sequence, event.stage, recorded.position, recorded.actor, recorded.source)
    entries = after.entries
    if not entries or entries[-1][:3] < entry[:3]:
        after.entries = (*entries, entry)
    else:
        place = bisect_left(entries, entry[:3], key=_when)
        if entries[place][:3] != entry[:3]:
            after.entries = (*entries[:place], entry, *entries[place:])
    if event.anomalies:
        after.odd = {**after.odd, event.stage: " ".join(event.anomalies)}
    return _checked(after, recorded)


def _when(entry: Entry) -> tuple[int, int, str]:
    return entry[:3]


def _valued(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealAmountChanged = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.value = after.value.offer((event.amount, event.currency), stamp(event.occurred_at, event.sequence))
    return _checked(after, recorded)


def _owned(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealOwnerAssigned = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.owner = after.owner.offer(event.owner, stamp(event.occurred_at, event.sequence))
    return _checked(after, recorded)


def _retitled(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealRetitled = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.title = after.title.offer(event.title, stamp(event.occurred_at))
    return _checked(after, recorded)


def _closed(state: Deal | None, recorded: Recorded) -> Deal:
    event = recorded.event
    after = copy(state) if state else Deal()
    match event:
        case DealWon():
            outcome, reason, sequence = "won", None, event.sequence
        case DealLost():
            outcome, reason, sequence = "lost", event.reason, event.sequence
        case DealReopened():
            outcome, reason, sequence = "open", None, event.sequence
        case _:
            raise TypeError(type(event).__name__)
    after.outcome = after.outcome.offer((outcome, reason), stamp(event.occurred_at, sequence))
    return _checked(after, recorded)


def _linked(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealLinkedToCustomer = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.customer = after.customer.offer(event.customer_id, stamp(event.occurred_at))
    return _checked(after, recorded)


def _scheduled(state: Deal | None, recorded: Recorded) -> Deal:
    event: FollowUpScheduled = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    at = stamp(event.occurred_at)
    told = FollowUp(event.due_on, event.task, event.owner)
    before = after.follow_ups.get(event.follow_up_id)
    newest = Register(told, at) if before is None else before.offer(told, at)
    after.follow_ups = {**after.follow_ups, event.follow_up_id: newest}
    return after


def _followed_up(state: Deal | None, recorded: Recorded) -> Deal:
    event: FollowUpCompleted = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.done = {**after.done, event.follow_up_id: True}
    return after


def _checked(state: Deal, recorded: Recorded) -> Deal:
    if state.opened_at is None:
        now: dict[str, Any] = {"deal-unknown": {}}
    elif state.odd and (kinds := state.odd.get(stage := state.entries[-1][2])):
        now = {f"{kind}:{stage}": {"stage": stage} for kind in kinds.split()}
    else:
        now = {}
    state.anomalies = noted(state.anomalies, now, recorded)
    return state


def _row(state: Deal) -> Row:
    amount, currency = state.value.value
    outcome, reason = state.outcome.value
    return (
        state.customer.value,
        state.source,
        state.source_id,
        state.lead.value,
        state.company.value,
        state.pipeline.value,
        state.entries[-1][2] if state.entries else None,
        state.title.value,
        state.owner.value,
        amount,
        currency,
        state.opened_at,
        _stage_since(state.entries),
        None if outcome == "open" else _time(state.outcome.stamp[0]),
        outcome,
        reason,
        _next_due(state),
        open_kinds(state.anomalies),
    )


def _stage_since(entries: tuple[Entry, ...]) -> datetime | None:
    since = None
    for entry in reversed(entries):
        if since is not None and entry[2] != entries[-1][2]:
            break
        since = entry[0]
    return None if since is None else _time(since)


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _next_due(state: Deal) -> date | None:
    if not state.follow_ups:
        return None
    days = [told.value.due_on for ident, told in state.follow_ups.items() if ident not in state.done]
    return date.fromisoformat(min(days)) if days else None


DEALS = ReadModel(
    name="deals",
    version=1,
    kinds=("deal",),
    shown_as=("stage_changes", "pipeline_board"),
    fold=Fold(
        name="deals",
        key="deal_id",
        columns={
            "customer_id": "text",
            "source": "text",
            "source_id": "text",
            "lead_id": "text",
            "company": "text",
            "pipeline": "text",
            "stage": "text",
            "title": "text",
            "owner": "text",
            "amount": "numeric",
            "currency": "text",
            "opened_at": "timestamptz",
            "stage_since": "timestamptz",
            "closed_at": "timestamptz",
            "outcome": "text",
            "lost_reason": "text",
            "next_follow_up_on": "date",
            "anomalies": "jsonb",
        },
        state=Deal,
        evolve={
            DealOpened: _opened,
            StageChanged: _moved,
            DealAmountChanged: _valued,
            DealOwnerAssigned: _owned,
            DealRetitled: _retitled,
            DealWon: _closed,
            DealLost: _closed,
            DealReopened: _closed,
            DealLinkedToCustomer: _linked,
            FollowUpScheduled: _scheduled,
            FollowUpCompleted: _followed_up,
        },
        row=_row,
        indexes=("customer_id", "pipeline, stage"),
    ),
)
