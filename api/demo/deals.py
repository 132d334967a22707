"""Deals: how they move along a pipeline, get stuck there, are won, with an invoice, or lost with a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from api.demo.dice import Dice, Step
from api.demo.invoices import Bill, invoice_of
from api.demo.people import Person
from commands.command import (
    AssignDealOwner,
    ChangeAmount,
    CompleteFollowUp,
    LoseDeal,
    MoveToStage,
    OpenDeal,
    RecordCustomer,
    ScheduleFollowUp,
    WinDeal,
)
from domain.customer import Profile
from domain.ids import external_id
from domain.pipeline import DEFAULT, Pipeline, Stage
from domain.tenant import FollowUpRule

OFFICE = "backstory"
OWNERS = ("mara", "noah", "ines")
WHOLESALE = Pipeline(
    name="wholesale",
    stages=(
        Stage(name="Inquiry", probability=Decimal("0.10"), limit_days=5),
        Stage(name="Samples", probability=Decimal("0.35"), requires=("customer",), limit_days=14),
        Stage(name="Terms", probability=Decimal("0.70"), requires=("amount", "owner"), limit_days=21),
        Stage(name="Signed", outcome="won", probability=Decimal(1), requires=("amount",)),
        Stage(name="Declined", outcome="lost"),
    ),
)
PIPELINES = (DEFAULT, WHOLESALE)
FOLLOW_UPS = (
    FollowUpRule(pipeline="sales", stage="Proposal", days=21, task="Ask for a decision"),
    FollowUpRule(pipeline="sales", stage="Negotiation", days=30, task="Ask what is in the way"),
    FollowUpRule(pipeline="wholesale", stage="Samples", days=14, task="Ask how the samples were liked"),
)


class Offer(NamedTuple):
    """What a deal is about: how many of what, at what price each."""

    title: str
    pieces: tuple[int, int]
    price: tuple[int, int]


_DESKS = Offer("Tea for {} desks", (8, 120), (45, 140))
OFFERS = {
    DEFAULT.name: (
        _DESKS,
        Offer("Tea bar for {} people", (20, 150), (35, 95)),
        Offer("Gift sets for {} guests", (30, 250), (18, 48)),
        Offer("{} welcome boxes", (15, 180), (28, 64)),
    ),
    WHOLESALE.name: (
        Offer("{} kg of loose tea", (40, 400), (24, 46)),
        Offer("Opening order for {} shops", (2, 9), (900, 2_400)),
        Offer("{} tins for the winter season", (150, 1_200), (7, 14)),
        Offer("House blend, {} kg", (25, 250), (30, 58)),
    ),
}
"""What is sold by each pipeline."""
_LOST = ("price", "chose a competitor", "no decision", "budget cut", "bad timing")
_TASKS = ("Call back", "Send samples", "Send the offer", "Ask for a decision", "Check delivery dates")


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal to be told: its own id of ours, whose it is, where it comes from."""

    tenant: str
    number: str
    who: Person
    lead_id: str | None = None

    @property
    def source_id(self) -> str:
        """How the office names it."""
        return f"deal-{self.number}"

    @property
    def deal_id(self) -> str:
        """Our id of it."""
        return external_id(self.tenant, "deal", OFFICE, self.source_id)


def deal_of(dice: Dice, about: Opportunity, owner: str, at: datetime) -> Iterator[Step]:
    """Yield a deal's way through its pipeline; about one in eight stays in a stage much longer than it should."""
    pipeline = dice.one_of((DEFAULT, DEFAULT, WHOLESALE))
    first, *later = [stage for stage in pipeline.stages if stage.outcome == "open"]
    offer = dice.one_of(OFFERS[pipeline.name])
    pieces = dice.number(*offer.pieces)
    opened = OpenDeal(
        source_id=about.source_id,
        pipeline=pipeline.name,
        stage=first.name,
        title=offer.title.format(pieces),
        profile=about.who.visitor(),
        owner=owner,
        lead_id=about.lead_id,
        company=about.who.company,
        occurred_at=at,
    )
    yield Step(at, OFFICE, opened)
    yield _known(Profile(email=about.who.email, owner=owner, lifecycle_stage="prospect"), at)
    deal_id, amount = about.deal_id, _estimate(pieces * dice.number(*offer.price))
    stuck = dice.number(0, len(later)) if dice.happens(0.13) else None
    for number, stage in enumerate(later):
        at = _left(dice, pipeline.stages[number], at, stuck=number == stuck)
        if dice.happens(0.13):
            yield Step(at, OFFICE, LoseDeal(deal_id=deal_id, reason=dice.one_of(_LOST)))
            return
        if number == 0 or dice.happens(0.2):
            amount = amount if number == 0 else _estimate(amount * dice.number(70, 120) / 100)
            yield Step(at, OFFICE, ChangeAmount(deal_id=deal_id, amount=amount, currency=about.who.currency))
        at += timedelta(minutes=dice.number(1, 20))
        yield Step(at, OFFICE, MoveToStage(deal_id=deal_id, stage=stage.name))
        yield from _followed_up(dice, deal_id, f"{about.number}-{number}", owner, at)
        if dice.happens(0.06):
            owner = dice.one_of(OWNERS)
            yield Step(at, OFFICE, AssignDealOwner(deal_id=deal_id, owner=owner))
    at = _left(dice, pipeline.stages[len(later)], at, stuck=stuck == len(later))
    if not dice.happens(0.62):
        yield Step(at, OFFICE, LoseDeal(deal_id=deal_id, reason=dice.one_of(_LOST)))
        return
    yield Step(at, OFFICE, WinDeal(deal_id=deal_id))
    yield _known(Profile(email=about.who.email, lifecycle_stage="customer"), at)
    bill = Bill(about.tenant, about.number, about.who, amount, deal_id)
    yield from invoice_of(dice, OFFICE, bill, dice.at_work(at, 0.1, 3))


def forgotten_of(about: Opportunity, amount: Decimal, at: datetime) -> Iterator[Step]:
    """Yield a deal that got as far as a proposal and was not looked after any more."""
    opened = OpenDeal(
        source_id=about.source_id,
        pipeline=DEFAULT.name,
        stage="New",
        title=_DESKS.title.format(amount // 80),
        profile=about.who.visitor(),
        owner=OWNERS[0],
        company=about.who.company,
        occurred_at=at,
    )
    yield Step(at, OFFICE, opened)
    at += timedelta(days=5)
    yield Step(at, OFFICE, ChangeAmount(deal_id=about.deal_id, amount=amount, currency=about.who.currency))
    for days, stage in enumerate(("Qualified", "Proposal")):
        yield Step(at + timedelta(days=days), OFFICE, MoveToStage(deal_id=about.deal_id, stage=stage))


def _estimate(amount: int | Decimal) -> Decimal:
    """Return an amount in whole tens, as people estimate."""
    return 10 * (Decimal(amount) / 10).quantize(Decimal(1))


def _known(profile: Profile, at: datetime) -> Step:
    """Return what the office notes about a customer."""
    return Step(at, OFFICE, RecordCustomer(profile=profile, occurred_at=at))


def _left(dice: Dice, stage: Stage, at: datetime, *, stuck: bool) -> datetime:
    """Return when a deal leaves a stage: as a rule within the stage's limit."""
    limit = stage.limit_days or 7
    return dice.at_work(at, limit * 1.5, limit * 4) if stuck else dice.at_work(at, 0.3, limit * 0.9)


def _followed_up(dice: Dice, deal_id: str, number: str, owner: str, at: datetime) -> Iterator[Step]:
    if not dice.happens(0.45):
        return
    due = at + timedelta(days=dice.number(2, 9))
    ident = f"follow-up-{number}"
    planned = ScheduleFollowUp(
        deal_id=deal_id, follow_up_id=ident, due_on=due.date(), task=dice.one_of(_TASKS), owner=owner
    )
    yield Step(at + timedelta(minutes=1), OFFICE, planned)
    if dice.happens(0.75):
        yield Step(dice.at_work(due, -1, 2), OFFICE, CompleteFollowUp(deal_id=deal_id, follow_up_id=ident))
