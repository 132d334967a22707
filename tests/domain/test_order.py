from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain import order
from domain.errors import InvalidValue
from domain.order import OrderCancelled, OrderLinkedToCustomer, OrderPlaced, OrderRevised, ShipmentSent
from tests.domain.story import fold, given
from tests.examples import ANN, ANNA, MUG, ORDER, PAID, PLACED, REFUND, REFUNDED, at

CONTENT: dict[str, Any] = {
    "source": "shop",
    "source_id": "1001",
    "currency": "EUR",
    "total": Decimal("30.00"),
    "lines": (MUG,),
    "customer_id": ANN,
    "shipping": Decimal("5.00"),
}
REFUND_CONTENT: dict[str, Any] = {
    "refund_id": REFUND,
    "source": "shop",
    "source_id": "r-1",
    "currency": "EUR",
    "amount": Decimal("12.50"),
    "order_id": ORDER,
    "customer_id": ANN,
    "reason": "chipped",
}


def revised(minutes: float, **changes: Any) -> OrderRevised:
    content = {name: value for name, value in CONTENT.items() if name not in {"source", "source_id"}}
    return OrderRevised(occurred_at=at(minutes), **(content | changes))


def test_an_order_is_placed() -> None:
    given().when(order.place, **CONTENT, at=at()).then(PLACED)


def test_an_order_placed_twice_is_one_order() -> None:
    given(PLACED).when(order.place, **CONTENT, at=at()).then_nothing()


def test_an_order_told_later_with_other_content_was_revised() -> None:
    cheaper = CONTENT | {"total": Decimal("25.00")}
    given(PLACED).when(order.place, **cheaper, at=at(5)).then(revised(5, total=Decimal("25.00")))


def test_an_order_told_later_with_the_same_content_is_marked_as_unchanged() -> None:
    given(PLACED).when(order.place, **CONTENT, at=at(5)).then(revised(5, unchanged=True))


def test_content_told_again_later_outdoes_a_late_report_of_what_was_in_between() -> None:
    between = revised(2, total=Decimal(1))
    state = fold(order, [PLACED, revised(5, unchanged=True), between])
    assert state.content.value.total == Decimal("30.00")


def test_what_a_late_report_says_came_first_is_when_the_order_was_placed() -> None:
    late = replace(PLACED, occurred_at=at(5))
    given(late).when(order.place, **CONTENT, at=at()).then(PLACED)
    assert fold(order, [late, PLACED]).placed_at == at()


def test_a_revision_may_say_whose_order_it_is() -> None:
    guest = replace(PLACED, customer_id=None)
    state = fold(order, [guest, revised(5)])
    assert state.customer.value == ANN


def test_a_report_without_a_customer_does_not_make_a_guest() -> None:
    assert fold(order, [PLACED, revised(5, customer_id=None)]).customer.value == ANN


def test_a_payment_is_recorded_once() -> None:
    content = {"payment_id": "p-1", "currency": "EUR", "amount": Decimal("30.00"), "method": "card"}
    given(PLACED).when(order.record_payment, **content, at=at(1)).then(PAID)
    given(PLACED, PAID).when(order.record_payment, **content, at=at(1)).then_nothing()


def test_a_payment_before_its_order_still_counts() -> None:
    assert order.anomalies_of(fold(order, [PAID])) == (("order-unknown", {}),)
    assert order.anomalies_of(fold(order, [PAID, PLACED])) == ()


def test_a_corrected_payment_replaces_what_its_id_said_before() -> None:
    corrected = replace(PAID, occurred_at=at(2), amount=Decimal("40.00"))
    for events in ([PLACED, PAID, corrected], [corrected, PAID, PLACED]):
        [(kind, detail)] = order.anomalies_of(fold(order, events))
        assert (kind, detail["paid"]) == ("overpaid", "40.00")


def test_a_shipment_is_recorded_once() -> None:
    content = {"shipment_id": "s-1", "quantities": {"MUG": Decimal(2)}, "complete": True}
    sent = ShipmentSent(occurred_at=at(3), **content)
    given(PLACED).when(order.record_shipment, **content, at=at(3)).then(sent)
    given(sent, PLACED).when(order.record_shipment, **content, at=at(3)).then_nothing()


def test_a_cancellation_is_recorded_once() -> None:
    cancelled = OrderCancelled(occurred_at=at(9), reason="lost")
    given(PLACED).when(order.cancel, reason="lost", at=at(9)).then(cancelled)
    given(cancelled).when(order.cancel, reason="lost", at=at(9)).then_nothing()


def test_a_refund_is_recorded_once() -> None:
    given(PLACED).when(order.refund, **REFUND_CONTENT, at=at(120)).then(REFUNDED)
    given(PLACED, REFUNDED).when(order.refund, **REFUND_CONTENT, at=at(120)).then_nothing()


def test_a_refund_before_its_order_still_counts() -> None:
    given().when(order.refund, **REFUND_CONTENT, at=at(120)).then(REFUNDED)
    assert order.anomalies_of(fold(order, [REFUNDED])) == (("order-unknown", {}),)
    assert order.anomalies_of(fold(order, [REFUNDED, PAID, PLACED])) == ()


def test_a_refund_told_again_when_its_customer_is_known_is_the_same_refund() -> None:
    anonymous = replace(REFUNDED, customer_id=None)
    given(anonymous).when(order.refund, **REFUND_CONTENT, at=at(120)).then_nothing()


def test_a_refund_that_names_no_order_is_no_anomaly() -> None:
    assert order.anomalies_of(fold(order, [replace(REFUNDED, order_id=None)])) == ()


def test_a_guest_order_is_linked_to_a_customer_whatever_the_shop_said() -> None:
    future = replace(PLACED, occurred_at=at(500))
    linked = OrderLinkedToCustomer(occurred_at=at(500 + 1 / 60_000_000), customer_id=ANNA)
    given(future).when(order.link_to_customer, customer_id=ANNA, at=at(10)).then(linked)
    assert fold(order, [linked, future]).customer.value == ANNA


def test_a_link_to_the_customer_it_has_is_nothing() -> None:
    given(PLACED).when(order.link_to_customer, customer_id=ANN, at=at(10)).then_nothing()


def test_a_link_is_taken_back() -> None:
    unlinked = OrderLinkedToCustomer(occurred_at=at(10), customer_id=None)
    given(PLACED).when(order.link_to_customer, customer_id=None, at=at(10)).then(unlinked)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("currency", "XXX"),
        ("currency", "eur"),
        ("currency", ""),
        ("total", Decimal("NaN")),
        ("total", Decimal("Infinity")),
        ("total", 12.5),
        ("discount", "12,50"),
        ("shipping", True),
        ("tax", "1e3"),
    ],
)
def test_what_is_no_money_is_refused_by_field_and_rule(field: str, value: object) -> None:
    refused = given().when(order.place, **(CONTENT | {field: value}), at=at())
    refused.then_refuses(InvalidValue, field=field)
    given().when(order.place, **CONTENT, at=at()).then(PLACED)


def test_lines_without_exact_numbers_are_refused() -> None:
    for name in ("quantity", "unit_price"):
        line = replace(MUG, **{name: Decimal("NaN")})
        given().when(order.place, **(CONTENT | {"lines": (line,)}), at=at()).then_refuses(
            InvalidValue, field=f"lines.{name}"
        )


def test_payments_refunds_and_shipments_without_exact_numbers_are_refused() -> None:
    pay = given().when(order.record_payment, payment_id="p", currency="EU", amount=Decimal(1), at=at())
    pay.then_refuses(InvalidValue, field="currency")
    refund = given().when(order.refund, **(REFUND_CONTENT | {"amount": 1.5}), at=at())
    refund.then_refuses(InvalidValue, field="amount")
    ship = given().when(order.record_shipment, shipment_id="s", quantities={"MUG": Decimal("NaN")}, at=at())
    ship.then_refuses(InvalidValue, field="quantities")


def test_a_fact_that_looks_wrong_is_recorded() -> None:
    strange = CONTENT | {"total": Decimal(-1)}
    given().when(order.place, **strange, at=at()).then(replace(PLACED, total=Decimal(-1)))
    huge = REFUND_CONTENT | {"amount": Decimal(1_000_000), "currency": "JPY"}
    given(PLACED).when(order.refund, **huge, at=at(120)).then(
        replace(REFUNDED, amount=Decimal(1_000_000), currency="JPY")
    )


PLAIN: dict[str, Any] = {
    "placed": True,
    "currency": "EUR",
    "total": Decimal(30),
    "lines_total": Decimal(30),
    "paid": Decimal(0),
    "refunded": Decimal(0),
}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, []),
        ({"placed": False}, ["order-unknown"]),
        ({"lines_total": None}, []),
        ({"lines_total": Decimal("29.99")}, ["total-mismatch"]),
        ({"lines_total": Decimal("30.0005")}, ["total-mismatch"]),
        ({"lines_total": Decimal("29.99951")}, []),
        ({"total": Decimal(0), "lines_total": Decimal(0)}, []),
        ({"refunded": Decimal("30.00")}, []),
        ({"refunded": Decimal("30.01")}, ["over-refunded"]),
        ({"paid": Decimal(40), "refunded": Decimal(40)}, []),
        ({"paid": Decimal(40), "refunded": Decimal("40.01")}, ["over-refunded"]),
        ({"paid": Decimal(30)}, []),
        ({"paid": Decimal("30.01")}, ["overpaid"]),
        ({"paid": Decimal(60), "refunded": Decimal(30)}, []),
        ({"other_currencies": {"USD", "GBP"}}, ["currency-mismatch"]),
        ({"total": Decimal(-1), "lines_total": Decimal(-1)}, ["negative-total"]),
    ],
)
def test_what_looks_wrong_follows_from_the_totals(change: dict[str, Any], kinds: list[str]) -> None:
    assert [kind for kind, _ in order.anomalies(**(PLAIN | change))] == kinds


def test_an_anomaly_shows_the_values_that_make_it_one() -> None:
    [(_, detail)] = order.anomalies(**(PLAIN | {"lines_total": Decimal("29.99")}))
    assert detail == {"currency": "EUR", "total": "30", "lines_total": "29.99"}
    [(_, detail)] = order.anomalies(**(PLAIN | {"other_currencies": ["USD", "GBP"]}))
    assert detail["others"] == "GBP USD"


def test_a_total_is_its_lines_shipping_and_tax_less_the_discount() -> None:
    content = order.content_of(replace(PLACED, tax=Decimal(3), discount=Decimal(1)))
    assert order.lines_total(content) == Decimal("32.00")
    assert order.lines_total(replace(content, lines=())) is None


def test_money_of_another_currency_is_never_added() -> None:
    dollars = replace(PAID, payment_id="p-2", currency="USD", amount=Decimal(999))
    [(kind, detail)] = order.anomalies_of(fold(order, [PLACED, PAID, dollars]))
    assert (kind, detail["others"]) == ("currency-mismatch", "USD")


def test_an_order_knows_nothing_at_first() -> None:
    assert isinstance(PLACED, OrderPlaced)
    assert order.anomalies_of(order.NEW) == ()
