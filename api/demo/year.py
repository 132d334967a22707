"""The year: how many people come on which day, by shop and by form, growing and with the seasons."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from api.demo.deals import FOLLOW_UPS, OFFICE, OWNERS, PIPELINES, Opportunity, deal_of, forgotten_of
from api.demo.dice import Dice, Step
from api.demo.enquiries import enquiry_of
from api.demo.people import VISITORS, Crowd, person
from api.demo.shops import BRITAIN, EUROPE, order_of
from api.demo.twins import twins
from api.pages.board.opening import FORM
from commands.command import (
    ChooseTimeZone,
    DefineFollowUps,
    DefineLeadHandling,
    DefineOwnership,
    DefinePipeline,
    IssueInvoice,
    RecordOrder,
    RecordPayment,
    RecordRefund,
)
from domain.pipeline import DEFAULT

HANDLING = DefineLeadHandling(
    owners=OWNERS,
    pipeline=DEFAULT.name,
    subject="Your enquiry about our teas",
    text="Thank you for writing to us. One of us calls or writes to you within a working day.\n\nThe tea house",
    forms=(FORM,),
)
"""What becomes by itself of enquiries that people type; of those by the website's forms the story tells."""

YEAR = timedelta(days=365)
_SEASON = {1: 0.8, 2: 0.8, 6: 0.9, 7: 0.8, 8: 0.8, 11: 1.3, 12: 1.6}
_SATURDAY = 5


def story(tenant: str, ends: datetime) -> list[Step]:
    """Return every step of the year before `ends`, and those that are planned after it, in their order.

    The same for the same tenant and end, whenever it is asked.
    """
    began = ends - YEAR
    steps = [
        *_settings(began),
        *_days(tenant, began),
        *twins(tenant, ends),
        *_forgotten(tenant, ends),
        *_oddities(ends),
        *_nicknamed(tenant, ends),
    ]
    return list(_numbered(sorted(steps, key=lambda step: step.at)))


def _numbered(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps, their invoices numbered as an office does: by year, in the order they are issued."""
    issued = Counter[int]()
    for step in steps:
        command = step.command
        if isinstance(command, IssueInvoice):
            issued[step.at.year] += 1
            command = replace(command, number=f"{step.at.year}-{issued[step.at.year]:04}")
        yield step._replace(command=command)


def _settings(at: datetime) -> Iterator[Step]:
    for pipeline in PIPELINES:
        yield Step(at, OFFICE, DefinePipeline(name=pipeline.name, stages=pipeline.stages))
    yield Step(at, OFFICE, DefineFollowUps(rules=FOLLOW_UPS))
    yield Step(at, OFFICE, ChooseTimeZone(time_zone="Europe/Berlin"))
    yield Step(at, OFFICE, HANDLING)
    yield Step(at, OFFICE, DefineOwnership(owners={"name": EUROPE.source}))


def _days(tenant: str, began: datetime) -> Iterator[Step]:
    crowd, visitors = Crowd(), Crowd(first=VISITORS)
    orders = enquiries = deals = 0
    for number in range(YEAR.days):
        day = (began + timedelta(days=number)).replace(hour=0, minute=0, second=0, microsecond=0)
        dice = Dice("day", number)
        busy = (0.6 + 0.8 * number / YEAR.days) * _SEASON.get(day.month, 1.0)
        for _ in range(dice.count(2.0 * busy)):
            at, orders = dice.later(day, 0.3, 0.95), orders + 1
            shop = dice.one_of((EUROPE, EUROPE, BRITAIN))
            who = crowd.who(dice, new=0.4)
            profile = None if dice.happens(0.07) else who.account(shop.accounts, phone=dice.happens(0.3))
            yield from order_of(Dice("order", orders), shop, orders, profile, _after(at, began))
        calm = 0.4 if day.weekday() >= _SATURDAY else 1.1
        for _ in range(dice.count(1.2 * busy * calm)):
            at, enquiries = dice.later(day, 0.3, 0.9), enquiries + 1
            who = (crowd if dice.happens(0.2) else visitors).who(dice, new=0.75)
            yield from enquiry_of(
                Dice("enquiry", enquiries), tenant, f"{enquiries:04}", who, _after(at, began)
            )
        if dice.happens(0.35 * calm):
            at, deals = dice.at_work(day, 0.3, 0.7), deals + 1
            about = Opportunity(tenant, f"direct-{deals:03}", visitors.who(dice, new=0.5))
            yield from deal_of(Dice("deal", deals), about, dice.one_of(OWNERS), _after(at, began))


def _after(at: datetime, began: datetime) -> datetime:
    return max(at, began + timedelta(minutes=1))


def _forgotten(tenant: str, ends: datetime) -> Iterator[Step]:
    for number in range(4):
        about = Opportunity(tenant, f"forgotten-{number}", person(8_001 + number))
        at = ends - timedelta(days=45 + 11 * number)
        yield from forgotten_of(about, Decimal(2_400 + 1_150 * number), at)


def _nicknamed(tenant: str, ends: datetime) -> Iterator[Step]:
    """Yield a customer of a shop who tells the website's form another name: the shop owns it, so they conflict."""
    who = person(8_101)
    bought, asked = ends - timedelta(days=50), ends - timedelta(days=20)
    yield from order_of(Dice("nicknamed"), EUROPE, 5_000, who.account(EUROPE.accounts), bought)
    yield from enquiry_of(Dice("nickname"), tenant, "nickname", who, asked, briefly=1.0)


def _oddities(ends: datetime) -> Iterator[Step]:
    """Yield what does not fit: more money back than was asked for, and money for orders that nobody told."""
    at = ends - timedelta(days=60)
    asked, back = Decimal("24.00"), Decimal("42.00")
    order = RecordOrder(source_id="9998", currency=EUROPE.currency, total=asked, occurred_at=at)
    yield Step(at, EUROPE.source, order)
    at += timedelta(days=9)
    mistyped = RecordRefund(
        source_id="back-9998",
        order_source_id="9998",
        currency=EUROPE.currency,
        amount=back,
        reason="does not suit",
        occurred_at=at,
    )
    yield Step(at, EUROPE.source, mistyped)
    at = ends - timedelta(days=40)
    refund = RecordRefund(
        source_id="back-before-our-time",
        order_source_id="9999",
        currency=EUROPE.currency,
        amount=Decimal("12.90"),
        reason="before our time",
        occurred_at=at,
    )
    yield Step(at, EUROPE.source, refund)
    at = ends - timedelta(days=3)
    paid = RecordPayment(
        order_source_id="60999",
        payment_id="pay-60999",
        currency=BRITAIN.currency,
        amount=Decimal("18.00"),
        method="card",
        occurred_at=at,
    )
    yield Step(at, BRITAIN.source, paid)
