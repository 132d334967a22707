"""Invoices: what a customer owes, in exact money."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.event import Event, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line: a quantity at a unit price, before tax."""

    title: str
    quantity: Decimal
    unit_price: Decimal


@stored("invoice-issued.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceIssued(Event):
    """The customer was asked to pay `subtotal + tax` by `due_at`."""

    source: str
    source_id: str | None = None
    number: str | None = None
    currency: str
    subtotal: Decimal
    tax: Decimal
    lines: tuple[InvoiceLine, ...] = ()
    due_on: date | None = None
    customer_id: str | None = None
    order_id: str | None = None
    deal_id: str | None = None


@stored("invoice-paid.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(Event):
    """Money for the invoice came in; `payment_id` counts once."""

    payment_id: str
    currency: str
    amount: Decimal


@stored("invoice-refunded.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefunded(Event):
    """Money of the invoice went back; `refund_id` counts once."""

    refund_id: str
    currency: str
    amount: Decimal
    reason: str | None = None


@stored("invoice-voided.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided(Event):
    """The invoice counts as never sent."""

    reason: str
