"""Invoices: what a customer owes, in exact money."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import assert_never

from domain import money
from domain.errors import Refusal
from domain.event import Event, stored
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.register import Register, Stamp, after, stamp

ZERO = Decimal(0)


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


InvoiceEvent = (
    InvoiceIssued | InvoicePaid | InvoiceRefunded | InvoiceVoided | PersonalDataErased | EventsWithdrawn
)

Anomaly = tuple[str, dict[str, str]]
"""What looks wrong: its kind and the values that show it."""


class InvoiceNotFound(Refusal):
    """There is no such invoice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Money that came in or went back."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What decisions about an invoice need to know; `told` recognises a fact that is told again."""

    issued: Register[InvoiceIssued | None] = Register(None)
    payments: Mapping[str, Register[Amount]] = field(default_factory=dict)
    refunds: Mapping[str, Register[Amount]] = field(default_factory=dict)
    voided: bool = False
    told: frozenset[InvoiceEvent] = frozenset()

    @property
    def due(self) -> Decimal:
        """What is still to be paid, in the invoice's currency; nothing once void, or before it is issued."""
        invoice = self.issued.value
        if invoice is None or self.voided:
            return ZERO
        return due(
            subtotal=invoice.subtotal,
            tax=invoice.tax,
            paid=_sum(self.payments, invoice.currency),
            refunded=_sum(self.refunds, invoice.currency),
        )


NEW = Invoice()


def evolve(state: Invoice, event: InvoiceEvent) -> Invoice:
    """Return the state after an event; any order of events gives the same."""
    at = stamp(event.occurred_at)
    match event:
        case InvoiceIssued():
            after = replace(state, issued=state.issued.offer(event, at))
        case InvoicePaid(payment_id=ident, currency=currency, amount=amount):
            money_in = Amount(currency=currency, amount=amount)
            after = replace(state, payments=_heard(state.payments, ident, money_in, at))
        case InvoiceRefunded(refund_id=ident, currency=currency, amount=amount):
            money_out = Amount(currency=currency, amount=amount)
            after = replace(state, refunds=_heard(state.refunds, ident, money_out, at))
        case InvoiceVoided():
            after = replace(state, voided=True)
        case PersonalDataErased() | EventsWithdrawn():
            return state
        case _:
            assert_never(event)
    return replace(after, told=state.told | {event})


def _heard(
    known: Mapping[str, Register[Amount]], ident: str, value: Amount, at: Stamp
) -> Mapping[str, Register[Amount]]:
    before = known.get(ident)
    return {**known, ident: Register(value, at) if before is None else before.offer(value, at)}


def due(*, subtotal: Decimal, tax: Decimal, paid: Decimal, refunded: Decimal) -> Decimal:
    """Return subtotal + tax - paid - refunded, whatever came first."""
    return subtotal + tax - paid - refunded


def issue(  # noqa: PLR0913 - a fact's fields
    state: Invoice,
    *,
    source: str,
    source_id: str | None = None,
    number: str | None = None,
    currency: str,
    subtotal: Decimal,
    tax: Decimal,
    lines: tuple[InvoiceLine, ...] = (),
    due_on: date | None = None,
    customer_id: str | None = None,
    order_id: str | None = None,
    deal_id: str | None = None,
    at: datetime,
) -> list[InvoiceEvent]:
    """Record that a customer was asked to pay; told again with other content the newest counts.

    Raises InvalidValue for an unknown currency or an amount that is no finite decimal.
    """
    event = InvoiceIssued(
        occurred_at=at,
        source=source,
        source_id=source_id,
        number=number,
        currency=money.currency(currency),
        subtotal=money.amount(subtotal, "subtotal"),
        tax=money.amount(tax, "tax"),
        lines=tuple(map(_checked_line, lines)),
        due_on=due_on,
        customer_id=customer_id,
        order_id=order_id,
        deal_id=deal_id,
    )
    return _new(state, event)


def _checked_line(line: InvoiceLine) -> InvoiceLine:
    quantity = money.amount(line.quantity, "lines.quantity")
    return replace(line, quantity=quantity, unit_price=money.amount(line.unit_price, "lines.unit_price"))


def record_payment(
    state: Invoice, *, payment_id: str, currency: str, amount: Decimal, at: datetime
) -> list[InvoiceEvent]:
    """Record money that came in; its id counts once. Raises InvalidValue as `issue` does."""
    event = InvoicePaid(
        occurred_at=at,
        payment_id=payment_id,
        currency=money.currency(currency),
        amount=money.amount(amount),
    )
    return _new(state, event)


def refund(  # noqa: PLR0913 - a fact's fields
    state: Invoice,
    *,
    refund_id: str,
    currency: str,
    amount: Decimal,
    reason: str | None = None,
    at: datetime,
) -> list[InvoiceEvent]:
    """Record money that went back; its id counts once. Raises InvalidValue as `issue` does."""
    event = InvoiceRefunded(
        occurred_at=at,
        refund_id=refund_id,
        currency=money.currency(currency),
        amount=money.amount(amount),
        reason=reason,
    )
    return _new(state, event)


def void(state: Invoice, *, reason: str, at: datetime) -> list[InvoiceEvent]:
    """Take the invoice back; nothing when that was done. Refuses an invoice that was never issued."""
    if state.issued.value is None:
        raise InvoiceNotFound
    if state.voided:
        return []
    return [InvoiceVoided(occurred_at=after(at, state.issued.stamp), reason=reason)]


def _new(state: Invoice, event: InvoiceEvent) -> list[InvoiceEvent]:
    return [] if event in state.told else [event]


def anomalies(
    *,
    issued: bool,
    currency: str | None,
    total: Decimal,
    paid: Decimal,
    other_currencies: Collection[str] = (),
) -> tuple[Anomaly, ...]:
    """Return what looks wrong about an invoice that some fact names, from its totals alone.

    `paid` is in the invoice's currency, `other_currencies` those of other payments and refunds.
    """
    if not issued:
        return (("invoice-unknown", {}),)
    shown = {"currency": currency or "", "total": str(total)}
    found: list[Anomaly] = []
    if paid > max(total, ZERO):
        found.append(("overpaid", {**shown, "paid": str(paid)}))
    if other_currencies:
        found.append(("currency-mismatch", {**shown, "others": " ".join(sorted(other_currencies))}))
    return tuple(found)


def anomalies_of(state: Invoice) -> tuple[Anomaly, ...]:
    """Return what looks wrong about an invoice now."""
    moved = [register.value for register in (*state.payments.values(), *state.refunds.values())]
    invoice = state.issued.value
    if invoice is None:
        return (("invoice-unknown", {}),) if moved or state.voided else ()
    return anomalies(
        issued=True,
        currency=invoice.currency,
        total=invoice.subtotal + invoice.tax,
        paid=_sum(state.payments, invoice.currency),
        other_currencies={amount.currency for amount in moved} - {invoice.currency},
    )


def _sum(told: Mapping[str, Register[Amount]], currency: str) -> Decimal:
    return sum((r.value.amount for r in told.values() if r.value.currency == currency), ZERO)
