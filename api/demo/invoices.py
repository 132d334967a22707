"""Invoices: paid in time, paid late or in parts, still due, or taken back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from api.demo.dice import Dice, Step
from api.demo.people import Person
from commands.command import IssueInvoice, RecordInvoicePayment, VoidInvoice
from domain.ids import external_id
from domain.invoice import InvoiceLine

_CENT = Decimal("0.01")
_TAX = {"EUR": Decimal("0.19"), "GBP": Decimal("0.20"), "USD": Decimal(0)}


class Bill(NamedTuple):
    """What is asked of whom, for which deal."""

    tenant: str
    number: str
    who: Person
    amount: Decimal
    deal_id: str


def invoice_of(dice: Dice, source: str, bill: Bill, at: datetime) -> Iterator[Step]:
    """Yield an invoice and what comes in for it; about one in twelve is never paid, one in forty was a mistake."""
    currency = bill.who.currency
    tax = (bill.amount * _TAX[currency]).quantize(_CENT)
    days = dice.one_of((14, 14, 30))
    issued = IssueInvoice(
        source_id=f"invoice-{bill.number}",
        number=f"{at:%Y}-{bill.number}",
        currency=currency,
        subtotal=bill.amount,
        tax=tax,
        lines=(InvoiceLine(title="As offered", quantity=Decimal(1), unit_price=bill.amount),),
        due_on=(at + timedelta(days=days)).date(),
        profile=bill.who.visitor(),
        deal_id=bill.deal_id,
        occurred_at=at,
    )
    yield Step(at, source, issued)
    invoice_id = external_id(bill.tenant, "invoice", source, f"invoice-{bill.number}")
    if dice.happens(0.025):
        yield Step(
            dice.at_work(at, 0.1, 2), source, VoidInvoice(invoice_id=invoice_id, reason="wrong address")
        )
        return
    if dice.happens(0.08):
        return
    total = bill.amount + tax
    parts = (
        [total] if dice.happens(0.85) else [(total / 2).quantize(_CENT), total - (total / 2).quantize(_CENT)]
    )
    for number, amount in enumerate(parts):
        at = dice.at_work(at, 2, days) if dice.happens(0.75) else dice.at_work(at, days, days * 2)
        paid = RecordInvoicePayment(
            invoice_id=invoice_id,
            payment_id=f"transfer-{bill.number}-{number}",
            currency=currency,
            amount=amount,
            occurred_at=at,
        )
        yield Step(at, source, paid)
