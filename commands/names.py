"""Which stream a command speaks of, when it names a record by its source's own id."""

from typing import assert_never

from commands.command import (
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
from domain.ids import external_id
from streams.randomness import random_uuid

REFUND = "refund"
"""The claim of a refund that was told with its order: held by the first order that it was told with."""

SETTINGS = "tenant-settings"
"""The stream of which source owns which field, of the time zone, and of what becomes of leads."""
KEYS = "tenant-keys"
"""The stream of API keys."""


def named(kind: str, context: Context, source_id: str) -> str:
    """Return the stream of the record that the context's source calls `source_id`."""
    return f"{kind}-{external_id(context.tenant, kind, context.source, source_id)}"


def fresh(kind: str) -> str:
    """Return the stream of a record that nobody has named yet."""
    return f"{kind}-{random_uuid()}"


def order_named(
    command: RecordPayment | RecordShipment | RecordCancellation | RecordRefund, context: Context
) -> str | None:
    """Return the stream of the order that a report is about, by our id or its source's own; None if it names none."""
    if command.order_id is not None:
        return f"order-{command.order_id}"
    return None if command.order_source_id is None else named("order", context, command.order_source_id)


def stream_named(command: Command, context: Context) -> str | None:  # noqa: PLR0911 - one arm a command
    """Return the stream a command is about, if its source's own id names it."""
    match command:
        case RecordOrder(source_id=source_id):
            return named("order", context, source_id)
        case RecordPayment() | RecordShipment() | RecordCancellation() | RecordRefund():
            return order_named(command, context) or (
                named("refund", context, command.source_id) if isinstance(command, RecordRefund) else None
            )
        case RecordDealChange(source_id=source_id) | RecordDealActivity(source_id=source_id):
            return named("deal", context, source_id)
        case OpenDeal(source_id=str(source_id)):
            return named("deal", context, source_id)
        case RecordLeadProgress(source_id=source_id) | CaptureLead(source_id=str(source_id)):
            return named("lead", context, source_id)
        case IssueInvoice(source_id=str(source_id)):
            return named("invoice", context, source_id)
        case _:
            return None


def stream_of_answer(command: Command, context: Context, ident: str) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one arm a kind
    """Return the stream of the record that a command answers about, whose version it tells."""
    match command:
        case (
            RecordCustomer()
            | SettleConflict()
            | GiveConsent()
            | WithdrawConsent()
            | MergeCustomers()
            | UnmergeCustomer()
            | ForgetCustomer()
        ):
            return f"customer-{ident}"
        case (
            CaptureLead()
            | HandleLead()
            | AssignLeadOwner()
            | QualifyLead()
            | DisqualifyLead()
            | ConvertLead()
            | RecordLeadProgress()
        ):
            return f"lead-{ident}"
        case (
            OpenDeal()
            | MoveToStage()
            | UndoMove()
            | ChangeAmount()
            | AssignDealOwner()
            | ChangeDeal()
            | WinDeal()
            | LoseDeal()
            | ReopenDeal()
            | ScheduleFollowUp()
            | FollowUpIdleDeal()
            | CompleteFollowUp()
            | RecordDealChange()
            | RecordDealActivity()
        ):
            return f"deal-{ident}"
        case (
            RecordOrder() | RecordPayment() | RecordShipment() | RecordCancellation() | LinkOrderToCustomer()
        ):
            return f"order-{ident}"
        case RecordRefund():
            return stream_named(command, context)
        case IssueInvoice() | RecordInvoicePayment() | RecordInvoiceRefund() | VoidInvoice():
            return f"invoice-{ident}"
        case RecordMessageSent() | RecordMessageFailed():
            return f"message-{ident}"
        case DefinePipeline():
            return f"pipeline-{ident}"
        case InvitePerson() | ChangePersonRole() | RevokePerson():
            return f"person-{ident}"
        case DefineOwnership() | DefineFollowUps() | ChooseTimeZone() | DefineLeadHandling():
            return SETTINGS
        case CreateApiKey() | RevokeApiKey():
            return KEYS
        case SaveFilter() | RemoveFilter() | RecordExport() | RecordImport() | UndoBatch():
            return None
        case _:
            assert_never(command)
