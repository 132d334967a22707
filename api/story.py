"""The story of a small made-up business: a quarter of enquiries, deals, orders, refunds and invoices."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from commands.command import (
    CaptureLead,
    ChangeAmount,
    Command,
    DefinePipeline,
    IssueInvoice,
    LoseDeal,
    MoveToStage,
    OpenDeal,
    QualifyLead,
    RecordCancellation,
    RecordInvoicePayment,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
    WinDeal,
)
from domain.customer import Profile
from domain.ids import external_id
from domain.invoice import InvoiceLine
from domain.lead import Touch
from domain.order import OrderLine
from domain.pipeline import DEFAULT

_BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_MINUTES = 90 * 24 * 60
_FIRST_NAMES = (
    "Ada",
    "Ben",
    "Chloe",
    "Dev",
    "Elif",
    "Femi",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kaja",
    "Liam",
)
_LAST_NAMES = (
    "Aalto",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Horvat",
    "Ivanova",
    "Jansen",
)
_COUNTRIES = {"DE": "EUR", "FR": "EUR", "GB": "GBP", "SE": "SEK", "US": "USD"}
_GOODS = (("TEA-1", "Green tea"), ("CUP-2", "Stoneware cup"), ("POT-3", "Teapot"), ("TIN-4", "Storage tin"))
_TOUCHES = (
    Touch(source="google", medium="cpc", campaign="spring"),
    Touch(source="newsletter", medium="email"),
    Touch(),
)
_OWNERS = ("mara", "noah")


class Step(NamedTuple):
    """Something that happens in the story: when, told by which system, and what."""

    at: datetime
    source: str
    command: Command


def story(tenant: str) -> Iterator[Step]:
    """Yield every step, the same ones every time, in no order."""
    chance = random.Random(7)  # noqa: S311 - the same story every time
    yield Step(_BEGAN, "backstory", DefinePipeline(name="sales", stages=DEFAULT.stages))
    people = [_person(chance, number) for number in range(40)]
    for number in range(60):
        yield from _enquiry(chance, tenant, number, chance.choice(people))
    for number in range(30):
        yield from _deal(chance, tenant, number, chance.choice(people))
    for number in range(120):
        yield from _order(chance, tenant, number, None if chance.random() < 0.1 else chance.choice(people))  # noqa: PLR2004
    at = _moment(chance)
    unknown = RecordRefund(
        source_id="refund-x",
        order_source_id="before-our-time",
        currency="EUR",
        amount=Decimal("12.90"),
        occurred_at=at,
    )
    yield Step(at, "shop", unknown)


def _person(chance: random.Random, number: int) -> Profile:
    first, last = _FIRST_NAMES[number % len(_FIRST_NAMES)], _LAST_NAMES[number % len(_LAST_NAMES)]
    return Profile(
        email=f"{first}.{last}.{number}@example.com".lower(),
        phone=f"+4930555{number:04}",
        name=f"{first} {last}",
        country=chance.choice(list(_COUNTRIES)),
    )


def _moment(chance: random.Random) -> datetime:
    return _BEGAN + timedelta(minutes=chance.randrange(1, _MINUTES))


def _later(chance: random.Random, at: datetime, days: int) -> datetime:
    return at + timedelta(minutes=chance.randrange(30, days * 24 * 60))


def _enquiry(chance: random.Random, tenant: str, number: int, who: Profile) -> Iterator[Step]:
    at, source_id = _moment(chance), f"enquiry-{number}"
    fields = {
        "message": chance.choice(("Please call me back", "Do you deliver on Fridays?", "A quote, please"))
    }
    touch = chance.choice(_TOUCHES)
    asked = CaptureLead(
        source_id=source_id, form="contact", profile=who, touch=touch, fields=fields, occurred_at=at
    )
    yield Step(at, "website", asked)
    if chance.random() < 0.5:  # noqa: PLR2004
        lead_id = external_id(tenant, "lead", "website", source_id)
        yield Step(
            _later(chance, at, 3), "backstory", QualifyLead(lead_id=lead_id, by=chance.choice(_OWNERS))
        )


def _deal(chance: random.Random, tenant: str, number: int, who: Profile) -> Iterator[Step]:
    at, source_id = _moment(chance), f"deal-{number}"
    deal_id = external_id(tenant, "deal", "backstory", source_id)
    amount, currency = Decimal(chance.randrange(500, 20_000)), _COUNTRIES[who.country or "DE"]
    opened = OpenDeal(
        source_id=source_id,
        pipeline="sales",
        stage="New",
        title=f"Tea for {number + 3} offices",
        profile=who,
        owner=chance.choice(_OWNERS),
        occurred_at=at,
    )
    yield Step(at, "backstory", opened)
    way: list[Command] = [
        MoveToStage(deal_id=deal_id, stage="Qualified"),
        ChangeAmount(deal_id=deal_id, amount=amount, currency=currency),
        MoveToStage(deal_id=deal_id, stage="Proposal"),
        MoveToStage(deal_id=deal_id, stage="Negotiation"),
    ]
    ends: list[Command] = [WinDeal(deal_id=deal_id), LoseDeal(deal_id=deal_id, reason="price")]
    gone = chance.randrange(len(way) + 1)
    for command in [*way[:gone], *([chance.choice(ends)] if gone == len(way) else [])]:
        at = _later(chance, at, 10)
        yield Step(at, "backstory", command)


def _order(chance: random.Random, tenant: str, number: int, who: Profile | None) -> Iterator[Step]:
    at, order = _moment(chance), f"{1000 + number}"
    currency = _COUNTRIES[who.country or "DE"] if who else "EUR"
    lines = tuple(
        OrderLine(
            sku=sku,
            title=title,
            quantity=Decimal(chance.randrange(1, 5)),
            unit_price=Decimal(chance.randrange(590, 4990)) / 100,
        )
        for sku, title in chance.sample(_GOODS, chance.randrange(1, 4))
    )
    total = sum((line.quantity * line.unit_price for line in lines), Decimal(0))
    placed = RecordOrder(
        source_id=order, currency=currency, total=total, lines=lines, profile=who, occurred_at=at
    )
    yield Step(at, "shop", placed)
    if chance.random() < 0.08:  # noqa: PLR2004
        at = _later(chance, at, 2)
        yield Step(
            at, "shop", RecordCancellation(order_source_id=order, reason="changed mind", occurred_at=at)
        )
        return
    at = _later(chance, at, 1)
    paid = RecordPayment(
        order_source_id=order, payment_id=f"p-{order}", currency=currency, amount=total, occurred_at=at
    )
    yield Step(at, "shop", paid)
    at = _later(chance, at, 3)
    sent = RecordShipment(
        order_source_id=order, shipment_id=f"s-{order}", quantities={}, complete=True, occurred_at=at
    )
    yield Step(at, "shop", sent)
    if chance.random() < 0.2:  # noqa: PLR2004
        share = chance.choice((Decimal("0.25"), Decimal(1), Decimal("1.5")))
        back, at = (total * share).quantize(Decimal("0.01")), _later(chance, at, 20)
        refund = RecordRefund(
            source_id=f"r-{order}",
            order_source_id=order,
            currency=currency,
            amount=back,
            reason="broken",
            occurred_at=at,
        )
        yield Step(at, "shop", refund)
    if who and chance.random() < 0.2:  # noqa: PLR2004
        yield from _invoice(chance, tenant, order, who, total, currency, at)


def _invoice(  # noqa: PLR0913, PLR0917 - what an invoice says
    chance: random.Random, tenant: str, order: str, who: Profile, total: Decimal, currency: str, at: datetime
) -> Iterator[Step]:
    due: date = (at + timedelta(days=14)).date()
    line = InvoiceLine(title=f"Order {order}", quantity=Decimal(1), unit_price=total)
    tax = (total * Decimal("0.19")).quantize(Decimal("0.01"))
    issued = IssueInvoice(
        source_id=f"i-{order}",
        number=f"2026-{order}",
        currency=currency,
        subtotal=total,
        tax=tax,
        lines=(line,),
        due_on=due,
        profile=who,
        occurred_at=at,
    )
    yield Step(at, "shop", issued)
    at = _later(chance, at, 14)
    paid = RecordInvoicePayment(
        invoice_id=external_id(tenant, "invoice", "shop", f"i-{order}"),
        payment_id=f"ip-{order}",
        currency=currency,
        amount=total + tax,
        occurred_at=at,
    )
    yield Step(at, "shop", paid)
