from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from commands.command import (
    Answer,
    ChangeDeal,
    DefineOwnership,
    IssueInvoice,
    MoveToStage,
    OpenDeal,
    RecordCustomer,
    RecordInvoicePayment,
    RecordInvoiceRefund,
)
from commands.handle import handle, handle_many
from commands.names import SETTINGS
from domain.customer import EmailChanged, Profile
from domain.deal import DealAmountChanged, DealNotFound, DealOpened, DealOwnerAssigned, DealRetitled
from domain.errors import InvalidValue, Refusal
from domain.order import OrderPlaced, RefundIssued
from streams.errors import CommandReused, WrongExpectedVersion
from streams.log import Log, Look
from tests.commands.asking import NOW, a_payment, a_refund, an_order, context


def test_the_same_command_again_gets_the_first_answer_and_records_nothing(log: Log) -> None:
    first = handle(log, an_order(), context("c1"))
    again = handle(log, an_order(), context("c1"))
    assert (again.id, again.position, again.version, again.repeated) == (first.id, first.position, 1, True)
    assert log.head() == first.position


def test_a_command_id_used_for_something_else_is_refused(log: Log) -> None:
    handle(log, an_order(), context("c1"))
    with pytest.raises(CommandReused):
        handle(log, an_order(total="21.00"), context("c1"))


def test_a_first_answer_stands_even_when_the_rules_would_now_refuse_it(log: Log) -> None:
    deal = handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps"), context("open"))
    assert handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps"), context("open")).id == deal.id


def test_a_refund_before_its_order_is_recorded_in_the_orders_stream(log: Log) -> None:
    refund = handle(log, a_refund(), context())
    order = handle(log, an_order(), context())
    events = [type(recorded.event) for recorded in log.stream("main", f"order-{order.id}")]
    assert events == [RefundIssued, OrderPlaced]
    assert refund.anomalies == ("order-unknown",)


def test_a_total_that_is_not_its_lines_sum_is_recorded_with_an_anomaly(log: Log) -> None:
    answer = handle(log, an_order(total="19.00"), context())
    assert (answer.events, answer.anomalies) == (1, ("total-mismatch",))


def test_what_looks_wrong_about_an_invoice_is_answered_with_each_fact_about_it(log: Log) -> None:
    asked = IssueInvoice(source_id="i", currency="EUR", subtotal=Decimal(10), tax=Decimal(0))
    issued = handle(log, asked, context())
    dollars = RecordInvoicePayment(
        invoice_id=issued.id, payment_id="p-1", currency="USD", amount=Decimal(1), occurred_at=NOW
    )
    euros = replace(dollars, payment_id="p-2", currency="EUR", amount=Decimal(11))
    told = [handle(log, one, context()).anomalies for one in (dollars, euros)]
    refund = RecordInvoiceRefund(invoice_id="?", refund_id="r", currency="EUR", amount=Decimal(1))
    assert issued.anomalies == ()
    assert told == [("currency-mismatch",), ("currency-mismatch", "overpaid")]
    assert handle(log, refund, context()).anomalies == ("invoice-unknown",)


def test_an_unknown_currency_is_refused_by_field_and_rule(log: Log) -> None:
    with pytest.raises(InvalidValue, match=r"currency.*ISO 4217"):
        handle(log, replace(an_order(), currency="EURO"), context())
    assert log.head() == 0


def test_a_stale_version_is_a_conflict_and_is_not_decided_again(log: Log) -> None:
    deal = handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps"), context())
    with pytest.raises(WrongExpectedVersion):
        handle(log, MoveToStage(deal_id=deal.id, stage="Won"), context(expected=7))


def test_a_deal_is_changed_whole_or_not_at_all_and_what_is_so_already_records_nothing(log: Log) -> None:
    opened = OpenDeal(pipeline="sales", stage="New", title="Lamps", owner="mara")
    deal = handle(log, opened, context())
    change = ChangeDeal(
        deal_id=deal.id, title="Lamps and chairs", amount=Decimal(12), currency="EUR", owner=None
    )
    with pytest.raises(InvalidValue, match=r"currency.*ISO 4217"):
        handle(log, replace(change, currency="EURO"), context())
    assert log.head() == deal.position
    answer = handle(log, change, context(expected=1))
    events = [type(recorded.event) for recorded in log.stream("main", f"deal-{deal.id}")]
    assert events == [DealOpened, DealRetitled, DealAmountChanged, DealOwnerAssigned]
    again = handle(log, replace(change, title=None), context())
    assert (again.events, again.version) == (0, answer.version)


def test_another_tenants_id_is_unknown(log: Log) -> None:
    deal = handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps"), context(tenant="a"))
    with pytest.raises(DealNotFound):
        handle(log, MoveToStage(deal_id=deal.id, stage="Won"), context(tenant="b"))


def test_an_id_above_2_to_the_53_stays_exact(log: Log) -> None:
    answer = handle(log, an_order(source_id="9007199254740993"), context())
    placed = log.stream("main", f"order-{answer.id}")[0].event
    assert isinstance(placed, OrderPlaced)
    assert placed.source_id == "9007199254740993"


def test_each_of_many_is_answered_or_refused_by_itself_and_sees_those_before_it(log: Log) -> None:
    ann = Profile(source_id="42", email="ann@example.org")
    asked = [
        an_order("1", profile=ann),
        replace(an_order("2"), currency="EURO"),
        an_order("3", profile=ann),
        a_payment("3"),
        a_payment("3"),
    ]
    outcomes = handle_many(log, [(command, context()) for command in asked])
    assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False, True, False, False, False]
    repeated = outcomes[4]
    assert isinstance(repeated, Answer)
    assert repeated.events == 0
    customers = {r.stream for r in log.read(0, 100) if r.stream.startswith("customer-")}
    assert len(customers) == 1


def test_of_many_only_those_that_were_not_answered_before_are_read_for(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(an_order(str(number)), context(f"c{number}")) for number in range(200)]
    first = handle_many(log, asked)
    read: list[str] = []
    look = Log.look

    def noted(self: Log, tenant: str, *, streams: Iterable[str] = (), **others: Any) -> Look:
        read.extend(wanted := list(streams))
        return look(self, tenant, streams=wanted, **others)

    monkeypatch.setattr(Log, "look", noted)
    asked[7] = an_order("another"), context("c7")
    *again, reused, new = handle_many(
        log, [*asked[:7], *asked[8:], asked[7], (an_order("200"), context("c200"))]
    )
    assert [replace(one, repeated=False) for one in again if isinstance(one, Answer)] == first[:7] + first[8:]
    assert isinstance(reused, CommandReused)
    assert isinstance(new, Answer)
    assert set(read) == {SETTINGS, f"order-{new.id}"}


def test_a_write_by_a_source_that_does_not_own_the_field_changes_nothing_and_leaves_a_conflict(
    log: Log,
) -> None:
    handle(log, DefineOwnership(owners={"email": "app"}), context())
    ann = Profile(source_id="42", email="ann@example.org")
    customer = handle(log, RecordCustomer(profile=ann), context(source="app"))
    other = RecordCustomer(customer_id=customer.id, profile=Profile(email="new@example.org"))
    handle(log, other, context(source="crm"))
    offered = [
        r.event for r in log.stream("main", f"customer-{customer.id}") if isinstance(r.event, EmailChanged)
    ]
    assert [(event.email, event.by_owner) for event in offered] == [
        ("ann@example.org", True),
        ("new@example.org", False),
    ]
