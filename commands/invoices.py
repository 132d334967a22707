"""Invoices: asking for money, and what becomes of it."""

from commands.command import Context, IssueInvoice, RecordInvoicePayment, RecordInvoiceRefund, VoidInvoice
from commands.customers import find_or_register
from commands.desk import Desk
from commands.names import named
from domain import invoice
from domain.ids import id_of


def issue(desk: Desk, command: IssueInvoice, context: Context) -> str:
    """Issue an invoice, or record that a source did."""
    at = command.occurred_at or context.now
    customer_id = command.customer_id or find_or_register(desk, command.profile, context, at)
    stream = (
        desk.fresh("invoice") if command.source_id is None else named("invoice", context, command.source_id)
    )
    desk.expect(stream, context.expected)
    events = invoice.issue(
        desk.state(stream),
        source=context.source,
        source_id=command.source_id,
        number=command.number,
        currency=command.currency,
        subtotal=command.subtotal,
        tax=command.tax,
        lines=command.lines,
        due_on=command.due_on,
        customer_id=customer_id,
        order_id=command.order_id,
        deal_id=command.deal_id,
        at=at,
    )
    desk.append(stream, events, customer_id=customer_id)
    _note(desk, stream)
    return id_of(stream)


def record_payment(desk: Desk, command: RecordInvoicePayment, context: Context) -> str:
    """Record money received for an invoice."""
    stream = f"invoice-{command.invoice_id}"
    desk.expect(stream, context.expected)
    events = invoice.record_payment(
        desk.state(stream),
        payment_id=command.payment_id,
        currency=command.currency,
        amount=command.amount,
        at=command.occurred_at or context.now,
    )
    desk.append(stream, events)
    _note(desk, stream)
    return command.invoice_id


def record_refund(desk: Desk, command: RecordInvoiceRefund, context: Context) -> str:
    """Record money given back for an invoice."""
    stream = f"invoice-{command.invoice_id}"
    desk.expect(stream, context.expected)
    events = invoice.refund(
        desk.state(stream),
        refund_id=command.refund_id,
        currency=command.currency,
        amount=command.amount,
        reason=command.reason,
        at=command.occurred_at or context.now,
    )
    desk.append(stream, events)
    _note(desk, stream)
    return command.invoice_id


def void(desk: Desk, command: VoidInvoice, context: Context) -> str:
    """Take an invoice back."""
    stream = f"invoice-{command.invoice_id}"
    desk.expect(stream, context.expected)
    desk.append(stream, invoice.void(desk.state(stream), reason=command.reason, at=context.now))
    return command.invoice_id


def _note(desk: Desk, stream: str) -> None:
    desk.draft.anomalies |= {kind for kind, _ in invoice.anomalies_of(desk.state(stream))}
