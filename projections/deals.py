"""Deals: where each stands, and every stage it went through, in the order of the sources' own clocks."""

from bisect import bisect_left
from copy import copy
from datetime import UTC, date, datetime, timedelta

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
    Value,
    outcome_of,
    stage_of,
)
from domain.pipeline import Outcome
from domain.register import Register, stamp
from projections.anomaly import Anomalies, noted, open_kinds
from projections.definition import Fold, Part, ReadModel, Row, Sum
from streams.records import Recorded

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000  # microseconds

_FILTERED = "owner, currency, amount, opened_at, deal_id, customer_id, found_by"  # by boards and lists
_INDEXED = 2_000  # bytes of text in an entry of an index, which has 2,704 in all

Entry = tuple[int, int, str, int, str, str]
"""A stage entered: its stamp (the tie-break is a digit and the stage), position, actor, source."""


class Deal(msgspec.Struct, omit_defaults=True):
    """What the fold of one deal remembers; `entries` are sorted by stamp, `odd` says what was odd about a stage."""

    opened_at: datetime | None = None
    source: str | None = None
    source_id: str | None = None
    pipeline: Register[str | None] = Register(None)
    title: Register[str | None] = Register(None)
    owner: Register[str | None] = Register(None)
    value: Register[Value | None] = Register(None)
    customer: Register[str | None] = Register(None)
    lead: Register[str | None] = Register(None)
    company: Register[str | None] = Register(None)
    outcome: Register[Outcome] = Register("open")
    lost_because: Register[str | None] = Register(None)
    entries: tuple[Entry, ...] = ()
    odd: dict[str, tuple[str, ...]] = {}
    follow_ups: dict[str, Register[FollowUpScheduled]] = {}
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
    if event.amount is not None and event.currency is not None:
        after.value = after.value.offer(Value(amount=event.amount, currency=event.currency), at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    if event.lead_id is not None:
        after.lead = after.lead.offer(event.lead_id, at)
    if event.company is not None:
        after.company = after.company.offer(event.company, at)
    return _entered(after, event, recorded)


def _moved(state: Deal | None, recorded: Recorded) -> Deal:
    event: StageChanged = recorded.event  # type: ignore[assignment]
    return _entered(copy(state) if state else Deal(), event, recorded)


def _entered(after: Deal, event: DealOpened | StageChanged, recorded: Recorded) -> Deal:
    told = stage_of(event)
    if told is not None:
        entry = (*told.stamp, recorded.position, recorded.actor, recorded.source)
        entries = after.entries
        if not entries or entries[-1][:3] < told.stamp:
            after.entries = (*entries, entry)
        else:
            place = bisect_left(entries, told.stamp, key=_stamp)
            if entries[place][:3] != told.stamp:
                after.entries = (*entries[:place], entry, *entries[place:])
    if type(event) is StageChanged and (outcome := outcome_of(event)) is not None:
        after.outcome = after.outcome.offer(*outcome)
    if event.anomalies:
        known = after.odd.get(event.stage, ())
        after.odd = {**after.odd, event.stage: tuple(sorted({*known, *event.anomalies}))}
    return _checked(after, recorded)


def _stamp(entry: Entry) -> tuple[int, int, str]:
    return entry[:3]


def _stage(entry: Entry) -> str:
    return entry[2][1:]


def _valued(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealAmountChanged = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    known = event.amount is not None and event.currency is not None
    value = Value(amount=event.amount, currency=event.currency) if known else None  # type: ignore[arg-type]
    after.value = after.value.offer(value, stamp(event.occurred_at, event.sequence))
    return _checked(after, recorded)


def _owned(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealOwnerAssigned = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.owner = after.owner.offer(event.owner, stamp(event.occurred_at, event.sequence))
    return _checked(after, recorded)


def _retitled(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealRetitled = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.title = after.title.offer(event.title, stamp(event.occurred_at, event.sequence))
    return _checked(after, recorded)


def _closed(state: Deal | None, recorded: Recorded) -> Deal:
    event = recorded.event
    after = copy(state) if state else Deal()
    outcome = outcome_of(event)
    if outcome is not None:
        after.outcome = after.outcome.offer(*outcome)
        if isinstance(event, DealLost):
            after.lost_because = after.lost_because.offer(event.reason, outcome.stamp)
    return _checked(after, recorded)


def _linked(state: Deal | None, recorded: Recorded) -> Deal:
    event: DealLinkedToCustomer = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.customer = after.customer.offer(event.customer_id, stamp(event.occurred_at, event.sequence))
    return _checked(after, recorded)


def _scheduled(state: Deal | None, recorded: Recorded) -> Deal:
    event: FollowUpScheduled = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    at = stamp(event.occurred_at)
    before = after.follow_ups.get(event.follow_up_id)
    newest = Register(event, at) if before is None else before.offer(event, at)
    after.follow_ups = {**after.follow_ups, event.follow_up_id: newest}
    return _checked(after, recorded)


def _followed_up(state: Deal | None, recorded: Recorded) -> Deal:
    event: FollowUpCompleted = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Deal()
    after.done = {**after.done, event.follow_up_id: True}
    return _checked(after, recorded)


def _checked(state: Deal, recorded: Recorded) -> Deal:
    now: dict[str, dict[str, str]] = {}
    if state.opened_at is None:
        now["deal-unknown"] = {}
    elif state.odd:
        stage = _stage(state.entries[-1])
        now = {f"{kind}:{stage}": {"stage": stage} for kind in state.odd.get(stage, ())}
    if now or state.anomalies:
        state.anomalies = noted(state.anomalies, now, recorded)
    return state


def _row(state: Deal) -> Row:
    value, outcome = state.value.value, state.outcome
    return (
        state.customer.value,
        state.source,
        state.source_id,
        state.lead.value,
        state.company.value,
        state.pipeline.value,
        _stage(state.entries[-1]) if state.entries else None,
        state.title.value,
        state.owner.value,
        value.amount if value else None,
        value.currency if value else None,
        state.opened_at,
        _stage_since(state.entries),
        None if outcome.value == "open" else _time(outcome.stamp[0]),
        outcome.value,
        state.lost_because.value if outcome.value == "lost" else None,
        _next_due(state),
        _found_by(state),
        open_kinds(state.anomalies),
    )


def _found_by(state: Deal) -> str | None:
    """Return what a search finds a deal by, for an index; None where that would be more than an index takes."""
    title, company = state.title.value or "", state.company.value or ""
    stage = state.entries[-1][2] if state.entries else ""
    indexed = (title, company, stage, state.pipeline.value or "", state.owner.value or "")
    if len("".join(indexed).encode()) > _INDEXED:
        return None
    return f"{title}\n{company}"


def _standing(state: Deal) -> tuple[Part, ...]:
    """Return what a deal adds to the totals of where it stands; what is not known is an empty text."""
    if state.opened_at is None:
        return ()
    value = state.value.value
    key = (
        state.pipeline.value or "",
        _stage(state.entries[-1]) if state.entries else "",
        state.outcome.value,
        state.owner.value or "",
        value.currency if value else "",
    )
    return ((key, (value.amount if value else 0,)),)


def _waiting(state: Deal) -> tuple[Part, ...]:
    """Return the day since which an open deal stands where it stands."""
    if state.opened_at is None or state.outcome.value != "open" or not state.entries:
        return ()
    day = _entered_at(state.entries) // _DAY
    return (((state.pipeline.value or "", _stage(state.entries[-1]), day), ()),)


def _stage_since(entries: tuple[Entry, ...]) -> datetime | None:
    return _time(_entered_at(entries)) if entries else None


def _entered_at(entries: tuple[Entry, ...]) -> int:
    """Return when the deal entered the stage it is in, however often it was told so since."""
    since = entries[-1]
    for entry in reversed(entries):
        if _stage(entry) != _stage(since):
            break
        since = entry
    return since[0]


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def to_do(state: Deal) -> list[FollowUpScheduled]:
    """Return the follow-ups that are not done, the next first."""
    waiting = [told.value for ident, told in state.follow_ups.items() if ident not in state.done]
    return sorted(waiting, key=lambda planned: (planned.due_on, planned.follow_up_id))


def _next_due(state: Deal) -> date | None:
    planned = to_do(state)
    return planned[0].due_on if planned else None


DEALS = ReadModel(
    name="deals",
    version=5,
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
            "found_by": "text",
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
        indexes=(
            "customer_id",
            "opened_at, deal_id",
            f"pipeline, stage, outcome, stage_since INCLUDE {_FILTERED}",
        ),
    ),
    sums=(
        Sum(
            name="stage_totals",
            key=dict.fromkeys(("pipeline", "stage", "outcome", "owner", "currency"), "text"),
            numbers={"amount": "numeric"},
            parts=_standing,
        ),
        Sum(
            name="stage_days",
            key={"pipeline": "text", "stage": "text", "day": "bigint"},
            numbers={},
            parts=_waiting,
        ),
    ),
)
