"""The demo's year: the same every time, up to now, and with everything in it that a board needs to look alive."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from api.demo.deals import OFFERS
from api.demo.year import YEAR, story
from commands.command import (
    CaptureLead,
    ChangeAmount,
    DefinePipeline,
    IssueInvoice,
    OpenDeal,
    RecordOrder,
    RecordPayment,
    WinDeal,
)
from domain.ids import external_id

NOW = datetime(2031, 8, 17, 14, 30, tzinfo=UTC)


def test_the_same_end_gives_the_same_story() -> None:
    assert story("main", NOW) == story("main", NOW)
    assert story("main", NOW) != story("main", NOW + timedelta(days=1))


@pytest.mark.parametrize(
    "ends", [NOW, datetime(2028, 2, 29, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
)
def test_a_year_in_any_year_begins_with_the_rules_and_fills_every_month(ends: datetime) -> None:
    steps = story("main", ends)
    assert isinstance(steps[0].command, DefinePipeline)
    assert steps[0].at == ends - YEAR
    orders = Counter((ends - step.at).days // 30 for step in steps if isinstance(step.command, RecordOrder))
    assert all(orders[month] > 10 for month in range(12))
    told = sum(step.at <= ends for step in steps)
    assert 4_000 < told < 8_000
    assert len(steps) - told > 50, "something is planned for the days after"


def test_some_payments_are_heard_of_before_their_orders() -> None:
    placed = {
        step.command.source_id: n
        for n, step in enumerate(story("main", NOW))
        if isinstance(step.command, RecordOrder)
    }
    early = [
        step.command
        for n, step in enumerate(story("main", NOW))
        if isinstance(step.command, RecordPayment) and n < placed.get(step.command.order_source_id or "", 0)
    ]
    assert len(early) > 10


def test_invoices_are_numbered_by_year_in_the_order_they_are_issued() -> None:
    issued = [step for step in story("main", NOW) if isinstance(step.command, IssueInvoice)]
    for year in {step.at.year for step in issued}:
        numbers = [step.command.number for step in issued if step.at.year == year]
        assert numbers == [f"{year}-{number:04}" for number in range(1, len(numbers) + 1)]


def test_no_fact_is_told_before_it_happened() -> None:
    for step in story("main", NOW):
        assert (getattr(step.command, "occurred_at", None) or step.at) <= step.at, step


def test_the_office_is_closed_at_night_and_on_sundays() -> None:
    won = [step.at for step in story("main", NOW) if isinstance(step.command, WinDeal)]
    assert won
    assert all(8 <= at.hour < 18 and at.weekday() < 5 for at in won)


def test_few_people_share_a_name() -> None:
    told = (
        step.command for step in story("main", NOW) if isinstance(step.command, CaptureLead | RecordOrder)
    )
    people = {one.profile.email: one.profile.name for one in told if one.profile is not None}
    names = Counter(name for name in people.values() if name and " " in name)
    assert len(people) > 400
    assert sum(names.values()) - len(names) < len(people) / 10
    assert max(names.values()) <= 3


def test_a_deal_is_worth_what_it_is_about() -> None:
    worth: dict[str, tuple[int, int]] = {}
    first: dict[str, int] = {}
    for step in story("main", NOW):
        match step.command:
            case OpenDeal(source_id=str(name), pipeline=pipeline, title=title):
                [pieces] = [int(word) for word in title.split() if word.isdigit()]
                [offer] = [one for one in OFFERS[pipeline] if one.title.format(pieces) == title]
                low, high = offer.price
                worth[external_id("main", "deal", "backstory", name)] = (pieces * low - 5, pieces * high + 5)
            case ChangeAmount(deal_id=deal_id, amount=amount):
                first.setdefault(deal_id, int(amount))
            case _:
                pass
    assert len(first) > 100
    for deal_id, amount in first.items():
        low, high = worth[deal_id]
        assert low <= amount <= high
