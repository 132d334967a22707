"""Which stream a command speaks of, when it names a record by its source's own id."""

import uuid

from commands.command import (
    CaptureLead,
    Command,
    Context,
    IssueInvoice,
    OpenDeal,
    RecordCancellation,
    RecordDealActivity,
    RecordDealChange,
    RecordLeadProgress,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
)
from domain.ids import external_id


def named(kind: str, context: Context, source_id: str) -> str:
    """Return the stream of the record that the context's source calls `source_id`."""
    return f"{kind}-{external_id(context.tenant, kind, context.source, source_id)}"


def fresh(kind: str) -> str:
    """Return the stream of a record that nobody has named yet."""
    return f"{kind}-{uuid.uuid4()}"


def stream_named(command: Command, context: Context) -> str | None:  # noqa: PLR0911 - one arm a command
    """Return the stream a command is about, if its source's own id names it."""
    match command:
        case RecordOrder(source_id=source_id):
            return named("order", context, source_id)
        case (
            RecordPayment(order_source_id=source_id)
            | RecordShipment(order_source_id=source_id)
            | RecordCancellation(order_source_id=source_id)
        ):
            return named("order", context, source_id)
        case RecordRefund(order_source_id=None, source_id=source_id):
            return named("refund", context, source_id)
        case RecordRefund(order_source_id=str(source_id)):
            return named("order", context, source_id)
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
