"""Deals: requests decided by the pipeline's rules, and what other systems report."""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from commands import leads
from commands.command import (
    AssignDealOwner,
    ChangeAmount,
    ChangeDeal,
    CompleteFollowUp,
    Context,
    ConvertLead,
    FollowUpIdleDeal,
    LoseDeal,
    MoveToStage,
    OpenDeal,
    RecordDealActivity,
    RecordDealChange,
    ReopenDeal,
    ScheduleFollowUp,
    UndoMove,
    WinDeal,
)
from commands.customers import find_or_register
from commands.desk import Desk
from commands.names import SETTINGS, named
from domain import deal, tenant
from domain.deal import Deal
from domain.ids import external_id, id_of
from domain.pipeline import DEFAULT, NEW, Pipeline
from streams.records import Recorded


def open_deal(desk: Desk, command: OpenDeal, context: Context) -> str:
    """Open a deal, or record that a source has one."""
    at = command.occurred_at or context.now
    customer_id = command.customer_id or find_or_register(desk, command.profile, context, at)
    stream = desk.fresh("deal") if command.source_id is None else named("deal", context, command.source_id)
    desk.expect(stream, context.expected)
    lead_id = command.lead_id
    if command.lead_source_id is not None:
        lead_id = external_id(context.tenant, "lead", context.source, command.lead_source_id)
    events = deal.open(
        desk.state(stream),
        source=context.source,
        source_id=command.source_id,
        pipeline=command.pipeline,
        stage=command.stage,
        title=command.title,
        owner=command.owner,
        amount=command.amount,
        currency=command.currency,
        customer_id=customer_id,
        lead_id=lead_id,
        company=command.company,
        sequence=command.sequence,
        rules=_rules(desk, command.pipeline),
        at=at,
    )
    _append(desk, stream, events, customer_id)
    if command.converts and lead_id is not None:
        convert = ConvertLead(
            lead_id=lead_id, customer_id=customer_id, deal_id=id_of(stream), occurred_at=command.occurred_at
        )
        leads.convert(desk, convert, context)
    return id_of(stream)


def move_to_stage(desk: Desk, command: MoveToStage, context: Context) -> str:
    """Move a deal, if its pipeline's rules allow it, with what it takes to enter the stage."""
    deal_id = command.deal_id
    stream = _existing(desk, deal_id, context)
    within = replace(context, expected=None)
    if command.amount is not None:
        change = ChangeAmount(deal_id=deal_id, amount=command.amount, currency=command.currency)
        change_amount(desk, change, within)
    if command.owner is not None:
        assign_owner(desk, AssignDealOwner(deal_id=deal_id, owner=command.owner), within)
    if command.reopens:
        reopen(desk, ReopenDeal(deal_id=deal_id), within)
    if command.lost_reason is not None:
        return lose(desk, LoseDeal(deal_id=deal_id, reason=command.lost_reason), within)
    state = desk.state(stream)
    rules = _rules(desk, state.pipeline)
    events = deal.move_to_stage(
        state, stage=command.stage, rules=rules, source=context.source, at=context.now
    )
    _append(desk, stream, events)
    _convert_lead(desk, stream, context)
    return command.deal_id


def undo_move(desk: Desk, command: UndoMove, context: Context) -> str:
    """Withdraw what was recorded last of a deal, by one command of the same source, if that moved it.

    A lead that was converted with it is withdrawn from that, too.
    """
    stream = _existing(desk, command.deal_id, context)
    state: Deal = desk.state(stream)
    history = desk.histories([stream]).get(stream, [])
    last = [told for told in history if _together(told, history[-1]) and told.source == context.source]
    events = deal.undo_move(state, last={told.version: told.event for told in last}, at=context.now)
    desk.withdraw(stream, events, history)
    if state.lead_id is not None:
        leads.undo_conversion(desk, state.lead_id, last[-1].command_id, context)
    return command.deal_id


def _together(one: Recorded, other: Recorded) -> bool:
    """Say whether one command recorded both."""
    return one == other or (one.command_id is not None and one.command_id == other.command_id)


def change_amount(desk: Desk, command: ChangeAmount, context: Context) -> str:
    """Estimate a deal's value anew."""
    stream = _existing(desk, command.deal_id, context)
    events = deal.change_amount(
        desk.state(stream),
        amount=command.amount,
        currency=command.currency,
        source=context.source,
        at=context.now,
    )
    _append(desk, stream, events)
    return command.deal_id


def assign_owner(desk: Desk, command: AssignDealOwner, context: Context) -> str:
    """Give a deal to a colleague."""
    stream = _existing(desk, command.deal_id, context)
    events = deal.assign_owner(desk.state(stream), owner=command.owner, source=context.source, at=context.now)
    _append(desk, stream, events)
    return command.deal_id


def change_deal(desk: Desk, command: ChangeDeal, context: Context) -> str:
    """Give a deal the title, the value and the owner that it should have."""
    deal_id = command.deal_id
    stream = _existing(desk, deal_id, context)
    within = replace(context, expected=None)
    if command.title is not None:
        retitled = deal.retitle(
            desk.state(stream), title=command.title, source=context.source, at=context.now
        )
        _append(desk, stream, retitled)
    value = ChangeAmount(deal_id=deal_id, amount=command.amount, currency=command.currency)
    change_amount(desk, value, within)
    return assign_owner(desk, AssignDealOwner(deal_id=deal_id, owner=command.owner), within)


def win(desk: Desk, command: WinDeal, context: Context) -> str:
    """Close a deal as won."""
    stream = _existing(desk, command.deal_id, context)
    state = desk.state(stream)
    rules = _rules(desk, state.pipeline)
    _append(desk, stream, deal.win(state, source=context.source, at=context.now, rules=rules))
    _convert_lead(desk, stream, context)
    return command.deal_id


def lose(desk: Desk, command: LoseDeal, context: Context) -> str:
    """Close a deal as lost."""
    stream = _existing(desk, command.deal_id, context)
    state = desk.state(stream)
    rules = _rules(desk, state.pipeline)
    events = deal.lose(state, reason=command.reason, source=context.source, at=context.now, rules=rules)
    _append(desk, stream, events)
    _convert_lead(desk, stream, context)
    return command.deal_id


def _convert_lead(desk: Desk, stream: str, context: Context) -> None:
    """Convert the lead of a deal that is closed, unless that was done before: its customer may enquire anew."""
    state: Deal = desk.state(stream)
    if state.outcome == "open" or state.lead_id is None or not desk.state(f"lead-{state.lead_id}").pursued:
        return
    convert = ConvertLead(lead_id=state.lead_id, deal_id=id_of(stream))
    leads.convert(desk, convert, replace(context, expected=None))


def reopen(desk: Desk, command: ReopenDeal, context: Context) -> str:
    """Open a closed deal again."""
    stream = _existing(desk, command.deal_id, context)
    state = desk.state(stream)
    rules = _rules(desk, state.pipeline)
    _append(desk, stream, deal.reopen(state, source=context.source, at=context.now, rules=rules))
    return command.deal_id


def schedule_follow_up(desk: Desk, command: ScheduleFollowUp, context: Context) -> str:
    """Plan something to be done about a deal."""
    stream = _existing(desk, command.deal_id, context)
    events = deal.schedule_follow_up(
        desk.state(stream),
        follow_up_id=command.follow_up_id,
        due_on=command.due_on,
        task=command.task,
        owner=command.owner,
        at=context.now,
    )
    _append(desk, stream, events)
    return command.deal_id


def follow_up_idle(desk: Desk, command: FollowUpIdleDeal, context: Context) -> str:
    """Plan what an idle deal needs: due today, where the business is."""
    stream = _existing(desk, command.deal_id, context)
    events = deal.follow_up_idle(
        desk.state(stream),
        stage=command.stage,
        since=command.since,
        task=command.task,
        due_on=tenant.business_day(context.now, desk.state(SETTINGS).time_zone),
        at=context.now,
    )
    _append(desk, stream, events)
    return command.deal_id


def complete_follow_up(desk: Desk, command: CompleteFollowUp, context: Context) -> str:
    """Note that a follow-up was done."""
    stream = _existing(desk, command.deal_id, context)
    events = deal.complete_follow_up(desk.state(stream), follow_up_id=command.follow_up_id, at=context.now)
    _append(desk, stream, events)
    return command.deal_id


class _How(TypedDict):
    source: str
    sequence: int
    at: datetime


def record_change(desk: Desk, command: RecordDealChange, context: Context) -> str:
    """Record what a source says has changed about its deal, in whatever order it says so."""
    stream = named("deal", context, command.source_id)
    at: datetime = command.occurred_at
    customer_id = find_or_register(desk, command.profile, context, at)
    how = _How(source=context.source, sequence=command.sequence, at=at)
    if command.stage is not None:
        rules = _rules(desk, command.pipeline or desk.state(stream).pipeline)
        events = deal.record_stage(
            desk.state(stream), stage=command.stage, rules=rules, reason=command.lost_reason, **how
        )
        _append(desk, stream, events)
    if command.owner is not None:
        _append(desk, stream, deal.record_owner(desk.state(stream), owner=command.owner, **how))
    if command.amount is not None:
        events = deal.record_amount(
            desk.state(stream), amount=command.amount, currency=command.currency, **how
        )
        _append(desk, stream, events)
    if command.outcome is not None:
        events = deal.record_outcome(
            desk.state(stream), outcome=command.outcome, reason=command.lost_reason, **how
        )
        _append(desk, stream, events)
    if customer_id is not None:
        events = deal.link_to_customer(
            desk.state(stream), customer_id=customer_id, sequence=command.sequence, at=at
        )
        _append(desk, stream, events, customer_id)
    return id_of(stream)


def record_activity(desk: Desk, command: RecordDealActivity, context: Context) -> str:
    """Record work that a source reports on its deal."""
    stream = named("deal", context, command.source_id)
    events = deal.record_activity(
        desk.state(stream),
        kind=command.kind,
        activity=command.activity,
        status=command.status,
        by=command.by,
        sequence=command.sequence,
        at=command.occurred_at,
    )
    _append(desk, stream, events)
    return id_of(stream)


def _existing(desk: Desk, deal_id: str, context: Context) -> str:
    stream = f"deal-{deal_id}"
    desk.expect(stream, context.expected)
    return stream


def _rules(desk: Desk, pipeline: str | None) -> Pipeline | None:
    """Return the pipeline's rules of today, or None where none were defined."""
    if pipeline is None:
        return None
    rules: Pipeline = desk.state(f"pipeline-{pipeline}")
    return rules if rules.version else None


def rules_to_begin(desk: Desk, pipeline: str | None) -> Pipeline:
    """Return the pipeline's rules of today; where none were defined, those to begin with, if it has some."""
    return _rules(desk, pipeline) or (DEFAULT if pipeline == DEFAULT.name else NEW)


def _append(desk: Desk, stream: str, events: list[deal.DealEvent], customer_id: str | None = None) -> None:
    for event in events:
        desk.draft.anomalies.update(getattr(event, "anomalies", ()))
    desk.append(stream, events, customer_id=customer_id)
