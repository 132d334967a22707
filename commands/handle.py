"""The way of every command: load, decide, append."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import assert_never

from commands import (
    batches,
    customers,
    deals,
    filters,
    invoices,
    lead_handling,
    leads,
    messages,
    orders,
    people,
    tenants,
)
from commands.command import (
    Answer,
    AssignDealOwner,
    AssignLeadOwner,
    CaptureLead,
    ChangeAmount,
    ChangeDeal,
    ChangePersonRole,
    ChooseTimeZone,
    Command,
    CompleteFollowUp,
    Context,
    ConvertLead,
    CreateApiKey,
    DefineFollowUps,
    DefineLeadHandling,
    DefineOwnership,
    DefinePipeline,
    DisqualifyLead,
    FollowUpIdleDeal,
    ForgetCustomer,
    GiveConsent,
    HandleLead,
    InvitePerson,
    IssueInvoice,
    LinkOrderToCustomer,
    LoseDeal,
    MergeCustomers,
    MoveToStage,
    OpenDeal,
    QualifyLead,
    RecordCancellation,
    RecordCustomer,
    RecordDealActivity,
    RecordDealChange,
    RecordExport,
    RecordImport,
    RecordInvoicePayment,
    RecordInvoiceRefund,
    RecordLeadProgress,
    RecordMessageFailed,
    RecordMessageSent,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
    RemoveFilter,
    ReopenDeal,
    RevokeApiKey,
    RevokePerson,
    SaveFilter,
    ScheduleFollowUp,
    SettleConflict,
    UndoBatch,
    UndoMove,
    UnmergeCustomer,
    VoidInvoice,
    WinDeal,
    WithdrawConsent,
)
from commands.content import fingerprint, is_known_by
from commands.desk import Desk
from commands.names import stream_of_answer
from commands.needs import needs
from commands.sound import unsound
from domain.errors import Refusal
from streams.errors import (
    ClaimTaken,
    CommandReused,
    KeyDestroyed,
    KeyTaken,
    LogRefusal,
    Overtaken,
    WrongExpectedVersion,
)
from streams.log import Log
from streams.records import Append, Appended, Asked

_MANY = 100  # commands with ids: so many are worth a query of their own for those that were answered before
_PATIENCE = 30.0  # seconds a command is decided again while others change the same streams

OVERTAKEN = (WrongExpectedVersion, ClaimTaken, Overtaken, KeyDestroyed, KeyTaken)
"""How the log refuses what was decided on something that others have changed since it was read."""

Refused = Refusal | LogRefusal


def handle(log: Log, command: Command, context: Context) -> Answer:
    """Do what is asked, once, and answer where it stands.

    The same command id with the same content gives the first answer again. Raises a domain Refusal when a rule says
    no; WrongExpectedVersion when the asker saw another version; CommandReused when the command id was used for
    something else; OutcomeUnknown when the database did not answer.
    """
    outcome = handle_many(log, [(command, context)])[0]
    if isinstance(outcome, Answer):
        return outcome
    raise outcome


def handle_many(log: Log, asked: Sequence[tuple[Command, Context]]) -> list[Answer | Refused]:
    """Do many things, in their order, in few queries and commits; each is answered or refused by itself.

    All contexts must be of one tenant. What a command decides is seen by those after it. A command that relied on
    what others have changed meanwhile is decided again.
    """
    outcomes: dict[int, Answer | Refused] = {
        index: refusal for index, one in enumerate(asked) if (refusal := unsound(*one)) is not None
    }
    deadline = time.monotonic() + _PATIENCE
    waiting = [index for index in range(len(asked)) if index not in outcomes]
    attempt = 0
    while waiting:
        appends: dict[int, tuple[str, tuple[str, ...], Append]] = {}
        desk = Desk(log, asked[waiting[0]][1].tenant)
        answered = read_for(desk, [asked[index] for index in waiting])
        for index in waiting:
            command, context = asked[index]
            if (first := answered.get(context.command_id or "")) is not None:
                outcomes[index] = _answered_before(log, command, context, *first)
                continue
            try:
                appends[index] = _decided(desk, command, context)
            except (Refusal, LogRefusal) as refusal:
                outcomes[index] = refusal
        outcomes |= _appended(log, appends)
        overtaken = [index for index in appends if isinstance(outcomes[index], OVERTAKEN)]
        if time.monotonic() > deadline:
            break
        waiting = overtaken
        if waiting and attempt:
            time.sleep(random.uniform(0, 0.002 * min(attempt, 20)))  # noqa: S311 - spreads competing writers
        attempt += 1
    return [outcomes[index] for index in range(len(asked))]


def read_for(desk: Desk, asked: Sequence[tuple[Command, Context]]) -> Mapping[str, tuple[bytes, Appended]]:
    """Read at once what commands will need; return the fingerprint and first answer of each answered before.

    Of many, those are found out first: nothing else is read for them.
    """
    ids = [context.command_id for _, context in asked if context.command_id is not None]
    if len(ids) < _MANY:
        return desk.prefetch(*needs(asked), ids)
    answered = desk.prefetch([], [], ids)
    desk.prefetch(*needs([one for one in asked if one[1].command_id not in answered]))
    return answered


def _decided(desk: Desk, command: Command, context: Context) -> tuple[str, tuple[str, ...], Append]:
    """Decide one command on the desk: the id it answers with, what looks wrong, and what to append."""
    desk.begin()
    ident = decide(desk, command, context)
    about = stream_of_answer(command, context, ident)
    if about is not None:
        desk.answer_about(about)
    anomalies = tuple(sorted(desk.draft.anomalies))
    asked = None
    if context.command_id is not None:
        answer = {"id": ident, "anomalies": anomalies}
        told = fingerprint(desk.log.keyring, command, context)
        asked = Asked(command_id=context.command_id, fingerprint=told, answer=answer)
    append = desk.close(
        asked=asked,
        actor=context.actor,
        source=context.source,
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
    )
    return ident, anomalies, append


def _appended(
    log: Log, appends: dict[int, tuple[str, tuple[str, ...], Append]]
) -> dict[int, Answer | Refused]:
    if len(appends) == 1:
        [(index, (_, _, append))] = appends.items()
        try:
            results: list[Appended | LogRefusal] = [log.append(append)]
        except LogRefusal as refusal:
            results = [refusal]
    else:
        results = log.append_many([append for _, _, append in appends.values()])
    outcomes: dict[int, Answer | Refused] = {}
    for (index, (ident, anomalies, _)), result in zip(appends.items(), results, strict=True):
        outcomes[index] = result if isinstance(result, LogRefusal) else _answer(ident, anomalies, result)
    return outcomes


def _answer(ident: str, anomalies: tuple[str, ...], appended: Appended) -> Answer:
    stored = appended.answer if appended.repeated else {}
    return Answer(
        id=stored.get("id", ident),
        position=appended.position,
        version=appended.version,
        events=appended.events,
        repeated=appended.repeated,
        anomalies=tuple(stored.get("anomalies", anomalies)),
    )


def _answered_before(
    log: Log, command: Command, context: Context, told: bytes, appended: Appended
) -> Answer | Refused:
    """Return the first answer of a command's id, whatever is true now, unless something else was asked by it."""
    if is_known_by(told, log.keyring, command, context):
        return _answer("", (), appended)
    return CommandReused(command_id=context.command_id)


def decide(desk: Desk, command: Command, context: Context) -> str:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one arm a command
    """Route a command to its handler; return the id of its record."""
    match command:
        case RecordCustomer():
            return customers.record(desk, command, context)
        case SettleConflict():
            return customers.settle_conflict(desk, command, context)
        case GiveConsent():
            return customers.give_consent(desk, command, context)
        case WithdrawConsent():
            return customers.withdraw_consent(desk, command, context)
        case MergeCustomers():
            return customers.merge(desk, command, context)
        case UnmergeCustomer():
            return customers.unmerge(desk, command, context)
        case ForgetCustomer():
            return customers.forget(desk, command, context)
        case CaptureLead():
            return leads.capture(desk, command, context)
        case HandleLead():
            return lead_handling.handle_lead(desk, command, context)
        case AssignLeadOwner():
            return leads.assign_owner(desk, command, context)
        case QualifyLead():
            return leads.qualify(desk, command, context)
        case DisqualifyLead():
            return leads.disqualify(desk, command, context)
        case ConvertLead():
            return leads.convert(desk, command, context)
        case RecordLeadProgress():
            return leads.record_progress(desk, command, context)
        case OpenDeal():
            return deals.open_deal(desk, command, context)
        case MoveToStage():
            return deals.move_to_stage(desk, command, context)
        case UndoMove():
            return deals.undo_move(desk, command, context)
        case ChangeAmount():
            return deals.change_amount(desk, command, context)
        case AssignDealOwner():
            return deals.assign_owner(desk, command, context)
        case ChangeDeal():
            return deals.change_deal(desk, command, context)
        case WinDeal():
            return deals.win(desk, command, context)
        case LoseDeal():
            return deals.lose(desk, command, context)
        case ReopenDeal():
            return deals.reopen(desk, command, context)
        case ScheduleFollowUp():
            return deals.schedule_follow_up(desk, command, context)
        case FollowUpIdleDeal():
            return deals.follow_up_idle(desk, command, context)
        case CompleteFollowUp():
            return deals.complete_follow_up(desk, command, context)
        case RecordDealChange():
            return deals.record_change(desk, command, context)
        case RecordDealActivity():
            return deals.record_activity(desk, command, context)
        case RecordOrder():
            return orders.record(desk, command, context)
        case RecordPayment():
            return orders.record_payment(desk, command, context)
        case RecordShipment():
            return orders.record_shipment(desk, command, context)
        case RecordCancellation():
            return orders.record_cancellation(desk, command, context)
        case RecordRefund():
            return orders.record_refund(desk, command, context)
        case LinkOrderToCustomer():
            return orders.link_to_customer(desk, command, context)
        case IssueInvoice():
            return invoices.issue(desk, command, context)
        case RecordInvoicePayment():
            return invoices.record_payment(desk, command, context)
        case RecordInvoiceRefund():
            return invoices.record_refund(desk, command, context)
        case VoidInvoice():
            return invoices.void(desk, command, context)
        case RecordMessageSent():
            return messages.record_sent(desk, command, context)
        case RecordMessageFailed():
            return messages.record_failed(desk, command, context)
        case DefinePipeline():
            return tenants.define_pipeline(desk, command, context)
        case DefineOwnership():
            return tenants.define_ownership(desk, command, context)
        case DefineFollowUps():
            return tenants.define_follow_ups(desk, command, context)
        case ChooseTimeZone():
            return tenants.choose_time_zone(desk, command, context)
        case DefineLeadHandling():
            return lead_handling.define(desk, command, context)
        case CreateApiKey():
            return tenants.create_api_key(desk, command, context)
        case RevokeApiKey():
            return tenants.revoke_api_key(desk, command, context)
        case SaveFilter():
            return filters.save(desk, command, context)
        case RemoveFilter():
            return filters.remove(desk, command, context)
        case RecordExport():
            return batches.record_export(desk, command, context)
        case InvitePerson():
            return people.invite_person(desk, command, context)
        case ChangePersonRole():
            return people.change_role(desk, command, context)
        case RevokePerson():
            return people.revoke_person(desk, command, context)
        case RecordImport():
            return batches.record_import(desk, command, context)
        case UndoBatch():
            return batches.undo(desk, command, context)
        case _:
            assert_never(command)
