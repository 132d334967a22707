from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from commands.command import (
    Answer,
    CaptureLead,
    Context,
    IssueInvoice,
    MergeCustomers,
    MoveToStage,
    OpenDeal,
    RecordCustomer,
    RecordPayment,
    RecordShipment,
    UndoBatch,
)
from commands.handle import handle, handle_many
from domain.customer import Profile
from domain.errors import InvalidValue
from domain.order import OrderLine
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.commands.asking import NOW, a_payment, a_refund, an_order, context

NUL, LONE = "a\x00b", "a\ud800b"
ODD = "😀 \u202eאב\u202c Zoë \x1f \\u0000"


def said(text: str) -> list[tuple[str, Any]]:
    """Commands that say a text, each with the field that says it."""
    line = OrderLine(sku="A", title=text, quantity=Decimal(1), unit_price=Decimal(1))
    sent = RecordShipment(shipment_id="s", quantities={text: Decimal(1)}, occurred_at=NOW)
    paid = RecordPayment(payment_id=text, currency="EUR", amount=Decimal(1), occurred_at=NOW)
    return [
        ("profile.source_id", RecordCustomer(profile=Profile(source_id=text))),
        ("profile.name", RecordCustomer(profile=Profile(source_id="1", name=text))),
        ("profile.email", RecordCustomer(profile=Profile(source_id="1", email=text))),
        ("lines.title", replace(an_order(), lines=(line,))),
        ("source_id", an_order(text)),
        ("order_id", replace(a_payment(), order_id=text)),
        ("payment_id", replace(paid, order_source_id="1")),
        ("quantities", replace(sent, order_source_id="1")),
        ("fields", CaptureLead(form="f", fields={"question": text})),
        ("pipeline", OpenDeal(pipeline=text, stage="New", title="t", source_id="1")),
        ("deal_id", MoveToStage(deal_id=text, stage="New")),
        ("loser", MergeCustomers(loser=text, survivor="1", reason="one")),
        ("batch", UndoBatch(batch=text, reason="wrong")),
    ]


@pytest.mark.parametrize("text", [NUL, LONE])
def test_text_that_cannot_be_kept_is_refused_by_its_field_before_anything_is_read_or_recorded(
    log: Log, text: str
) -> None:
    for name, command in said(text):
        with pytest.raises(InvalidValue, match="NUL") as refused:
            handle(log, command, context())
        assert refused.value.detail["field"] == name
        assert text not in str(refused.value)
    for name in ("tenant", "actor", "source", "command_id", "correlation_id", "causation_id"):
        unsound: Context = replace(context("c"), **{name: text})
        with pytest.raises(InvalidValue, match=name):
            handle(log, an_order(), unsound)
    assert log.head() == 0


def test_one_unsound_command_of_many_is_refused_alone(log: Log) -> None:
    asked = [an_order("1"), an_order(NUL), an_order("2")]
    outcomes = handle_many(log, [(command, context(f"c{n}")) for n, command in enumerate(asked)])
    assert [type(outcome) for outcome in outcomes] == [Answer, InvalidValue, Answer]


def test_any_other_text_is_kept_to_the_letter(log: Log, database: str) -> None:
    prepare(database)
    name = ODD.strip()
    lead = handle(log, CaptureLead(form=name, source_id=name, fields={name: name}), context())
    handle(log, RecordCustomer(profile=Profile(source_id=name, name=name, company=name)), context())
    Projector(log, database).catch_up()
    with log.connection() as connection:
        connection.execute("RESET ROLE")
        kept = connection.execute("SELECT name, company FROM read.customers").fetchall()
        form = connection.execute("SELECT lead_id, form, source_id, fields FROM read.leads").fetchall()
        held = connection.execute("SELECT * FROM model.held").fetchall()
    assert (kept, held) == ([(name, name)], [])
    assert form == [(lead.id, name, name, {name: name})]


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 - a date without zone is what is refused
        datetime.min.replace(tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(1899, 12, 30, tzinfo=UTC),
        datetime(2200, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_time_without_zone_or_far_off_is_refused(log: Log, at: datetime) -> None:
    for command in (
        replace(an_order(), occurred_at=at),
        RecordCustomer(profile=Profile(source_id="1"), occurred_at=at),
    ):
        with pytest.raises(InvalidValue, match="occurred_at"):
            handle(log, command, context())
    with pytest.raises(InvalidValue, match="now"):
        handle(log, an_order(), replace(context(), now=at))
    assert log.head() == 0


def test_a_day_far_off_is_refused(log: Log) -> None:
    invoice = IssueInvoice(currency="EUR", subtotal=Decimal(1), tax=Decimal(0), due_on=date.max)
    with pytest.raises(InvalidValue, match="due_on"):
        handle(log, invoice, context())


@pytest.mark.parametrize("number", ["1E+18", "-1E+18", "1E+200000", "1E-21", "1E-20000", "0E+30", "NaN"])
def test_a_number_that_cannot_be_kept_and_summed_exactly_is_refused(log: Log, number: str) -> None:
    wrong = Decimal(number)
    line = OrderLine(sku="A", title="Apple", quantity=wrong, unit_price=Decimal(1))
    for command in (
        replace(an_order(), total=wrong),
        replace(an_order(), tax=wrong),
        replace(an_order(), lines=(line,)),
        replace(a_payment(), amount=wrong),
        replace(a_refund(), amount=wrong),
        OpenDeal(pipeline="p", stage="s", title="t", source_id="1", amount=wrong, currency="EUR"),
        IssueInvoice(currency="EUR", subtotal=wrong, tax=Decimal(0)),
    ):
        with pytest.raises(InvalidValue, match=r"exact decimal|digits"):
            handle(log, command, context())
    assert log.head() == 0


def test_the_hugest_and_the_tiniest_amounts_add_up_to_the_last_digit(log: Log, database: str) -> None:
    prepare(database)
    huge, tiny = Decimal(10) ** 18 - 1, Decimal("1E-20")
    ann = Profile(source_id="42")
    line = OrderLine(sku="A", title="Apple", quantity=huge + tiny, unit_price=tiny)
    totals = [huge, tiny, -tiny * 3, huge + tiny, Decimal(0)]
    for number, total in enumerate(totals):
        handle(log, replace(an_order(str(number), profile=ann), total=total, lines=()), context())
    whole = replace(an_order("9", profile=ann), lines=(line,), total=(huge + tiny) * tiny)
    with pytest.raises(InvalidValue, match="total"):
        handle(log, whole, context())
    handle(log, replace(a_refund(order=None), amount=huge, profile=ann), context())
    Projector(log, database).catch_up()
    with log.connection() as connection:
        connection.execute("RESET ROLE")
        money = connection.execute("SELECT orders, gross, refunded, net FROM read.customer_money").fetchall()
    assert money == [(5, sum(totals), huge, sum(totals) - huge)]
