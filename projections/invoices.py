"""Invoices: what was asked for, what was paid of it, what is due."""

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import UTC, datetime, time
from decimal import Decimal

import msgspec

from domain.invoice import (
    Amount,
    Anomaly,
    InvoiceIssued,
    InvoicePaid,
    InvoiceRefunded,
    InvoiceVoided,
    anomalies,
    due,
)
from domain.register import Register, Stamp, stamp
from projections.anomaly import Anomalies, noted, open_kinds
from projections.definition import Fold, ReadModel, Row
from streams.records import Recorded

ZERO = Decimal(0)


class Invoice(msgspec.Struct, omit_defaults=True):
    """What the fold of one invoice remembers."""

    issued: Register[InvoiceIssued | None] = Register(None)
    payments: dict[str, Register[Amount]] = {}
    refunds: dict[str, Register[Amount]] = {}
    voided: bool = False
    anomalies: Anomalies = {}


def _issued(state: Invoice | None, recorded: Recorded) -> Invoice:
    event: InvoiceIssued = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Invoice()
    after.issued = after.issued.offer(event, stamp(event.occurred_at))
    return _checked(after, recorded)


def _paid(state: Invoice | None, recorded: Recorded) -> Invoice:
    event: InvoicePaid = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Invoice()
    money = Amount(currency=event.currency, amount=event.amount)
    after.payments = _told(after.payments, event.payment_id, money, stamp(event.occurred_at))
    return _checked(after, recorded)


def _refunded(state: Invoice | None, recorded: Recorded) -> Invoice:
    event: InvoiceRefunded = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Invoice()
    money = Amount(currency=event.currency, amount=event.amount)
    after.refunds = _told(after.refunds, event.refund_id, money, stamp(event.occurred_at))
    return _checked(after, recorded)


def _voided(state: Invoice | None, recorded: Recorded) -> Invoice:
    after = copy(state) if state else Invoice()
    after.voided = True
    return _checked(after, recorded)


def _told(
    known: dict[str, Register[Amount]], ident: str, value: Amount, at: Stamp
) -> dict[str, Register[Amount]]:
    before = known.get(ident)
    return {**known, ident: Register(value, at) if before is None else before.offer(value, at)}


def _checked(state: Invoice, recorded: Recorded) -> Invoice:
    state.anomalies = noted(state.anomalies, dict(_anomalies(state)), recorded)
    return state


def _anomalies(state: Invoice) -> Iterable[Anomaly]:
    invoice = state.issued.value
    if invoice is None:
        return (("invoice-unknown", {}),)
    moved = [*state.payments.values(), *state.refunds.values()]
    return anomalies(
        issued=True,
        currency=invoice.currency,
        total=invoice.subtotal + invoice.tax,
        paid=_sum(state.payments, invoice.currency),
        other_currencies={register.value.currency for register in moved} - {invoice.currency},
    )


def _sum(told: Mapping[str, Register[Amount]], currency: str) -> Decimal:
    return sum([r.value.amount for r in told.values() if r.value.currency == currency], ZERO)


def _row(state: Invoice) -> Row:
    invoice = state.issued.value
    if invoice is None:
        return (*[None] * 15, open_kinds(state.anomalies))
    paid, refunded = _sum(state.payments, invoice.currency), _sum(state.refunds, invoice.currency)
    left = (
        ZERO
        if state.voided
        else due(subtotal=invoice.subtotal, tax=invoice.tax, paid=paid, refunded=refunded)
    )
    due_at = None if invoice.due_on is None else datetime.combine(invoice.due_on, time(), UTC)
    return (
        invoice.customer_id,
        invoice.order_id,
        invoice.deal_id,
        invoice.source,
        invoice.source_id,
        invoice.number,
        invoice.occurred_at,
        due_at,
        invoice.currency,
        invoice.subtotal,
        invoice.tax,
        invoice.subtotal + invoice.tax,
        paid,
        left,
        _status(state, paid, left),
        open_kinds(state.anomalies),
    )


def _status(state: Invoice, paid: Decimal, left: Decimal) -> str:
    if state.voided:
        return "void"
    if left <= ZERO:
        return "paid"
    return "partly-paid" if paid > ZERO else "open"


INVOICES = ReadModel(
    name="invoices",
    version=1,
    kinds=("invoice",),
    fold=Fold(
        name="invoices",
        key="invoice_id",
        columns={
            "customer_id": "text",
            "order_id": "text",
            "deal_id": "text",
            "source": "text",
            "source_id": "text",
            "number": "text",
            "issued_at": "timestamptz",
            "due_at": "timestamptz",
            "currency": "text",
            "subtotal": "numeric",
            "tax": "numeric",
            "total": "numeric",
            "paid": "numeric",
            "due": "numeric",
            "status": "text",
            "anomalies": "jsonb",
        },
        state=Invoice,
        evolve={
            InvoiceIssued: _issued,
            InvoicePaid: _paid,
            InvoiceRefunded: _refunded,
            InvoiceVoided: _voided,
        },
        row=_row,
        indexes=("customer_id", "issued_at"),
    ),
)
