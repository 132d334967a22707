from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from domain import invoice
from domain.errors import InvalidValue
from domain.invoice import InvoiceNotFound, InvoicePaid, InvoiceRefunded, InvoiceVoided
from tests.domain.story import fold, given
from tests.examples import ANN, DEAL, HOURS, ISSUED, at

CONTENT: dict[str, Any] = {
    "source": "app",
    "number": "2026-001",
    "currency": "EUR",
    "subtotal": Decimal("120.00"),
    "tax": Decimal("22.80"),
    "lines": (HOURS,),
    "due_on": date(2026, 3, 15),
    "customer_id": ANN,
    "deal_id": DEAL,
}
PAYMENT: dict[str, Any] = {"payment_id": "p-1", "currency": "EUR", "amount": Decimal("100.00")}
REFUND: dict[str, Any] = {"refund_id": "r-1", "currency": "EUR", "amount": Decimal("10.00")}
PAID = InvoicePaid(occurred_at=at(5), **PAYMENT)
REFUNDED = InvoiceRefunded(occurred_at=at(6), **REFUND)


def test_an_invoice_is_issued_once() -> None:
    given().when(invoice.issue, **CONTENT, at=at()).then(ISSUED)
    given(ISSUED).when(invoice.issue, **CONTENT, at=at()).then_nothing()


def test_an_invoice_told_again_with_other_content_counts_by_its_newest() -> None:
    corrected = replace(ISSUED, occurred_at=at(9), subtotal=Decimal(100))
    given(ISSUED).when(invoice.issue, **(CONTENT | {"subtotal": Decimal(100)}), at=at(9)).then(corrected)
    assert fold(invoice, [corrected, ISSUED]).due == Decimal("122.80")


def test_a_payment_and_a_refund_are_recorded_once() -> None:
    given(ISSUED).when(invoice.record_payment, **PAYMENT, at=at(5)).then(PAID)
    given(ISSUED, PAID).when(invoice.record_payment, **PAYMENT, at=at(5)).then_nothing()
    given(ISSUED).when(invoice.refund, **REFUND, at=at(6)).then(REFUNDED)
    given(REFUNDED).when(invoice.refund, **REFUND, at=at(6)).then_nothing()


def test_what_is_due_is_the_total_less_what_was_paid_and_refunded() -> None:
    assert fold(invoice, [REFUNDED, PAID, ISSUED]).due == Decimal("32.80")


def test_nothing_is_due_before_the_invoice_or_once_it_is_void() -> None:
    voided = InvoiceVoided(occurred_at=at(9), reason="wrong address")
    assert fold(invoice, [PAID]).due == 0
    assert fold(invoice, [ISSUED, voided]).due == 0


def test_an_invoice_is_voided_once() -> None:
    voided = InvoiceVoided(occurred_at=at(9), reason="wrong address")
    given(ISSUED).when(invoice.void, reason="wrong address", at=at(9)).then(voided)
    given(ISSUED, voided).when(invoice.void, reason="again", at=at(10)).then_nothing()


def test_an_invoice_from_a_fast_clock_is_voided_after_it_was_issued() -> None:
    fast = replace(ISSUED, occurred_at=at(500))
    [event] = invoice.void(fold(invoice, [fast]), reason="wrong", at=at(9))
    assert event.occurred_at > fast.occurred_at


def test_an_unknown_invoice_is_not_voided() -> None:
    given().when(invoice.void, reason="wrong", at=at()).then_refuses(InvoiceNotFound)
    given(PAID).when(invoice.void, reason="wrong", at=at()).then_refuses(InvoiceNotFound)


def test_what_is_no_money_is_refused() -> None:
    for field, value in (("currency", "BTC"), ("subtotal", 1.5), ("tax", Decimal("NaN"))):
        given().when(invoice.issue, **(CONTENT | {field: value}), at=at()).then_refuses(
            InvalidValue, field=field
        )
    line = replace(HOURS, unit_price=Decimal("Infinity"))
    given().when(invoice.issue, **(CONTENT | {"lines": (line,)}), at=at()).then_refuses(
        InvalidValue, field="lines.unit_price"
    )
    given().when(invoice.record_payment, **(PAYMENT | {"amount": 1.5}), at=at()).then_refuses(
        InvalidValue, field="amount"
    )
    given().when(invoice.refund, **(REFUND | {"currency": "€"}), at=at()).then_refuses(
        InvalidValue, field="currency"
    )


def kinds(*events: Any) -> list[str]:
    return [kind for kind, _ in invoice.anomalies_of(fold(invoice, events))]


def test_a_payment_of_an_unknown_invoice_is_an_anomaly_until_the_invoice_comes() -> None:
    assert kinds(PAID) == ["invoice-unknown"]
    assert kinds(PAID, ISSUED) == []
    assert kinds() == []


def test_more_paid_than_asked_is_an_anomaly() -> None:
    assert kinds(ISSUED, PAID, replace(PAID, payment_id="p-2", amount=Decimal("42.81"))) == ["overpaid"]
    assert kinds(ISSUED, PAID, replace(PAID, payment_id="p-2", amount=Decimal("42.80"))) == []


def test_an_anomaly_shows_the_values_that_make_it_one() -> None:
    [(_, detail)] = invoice.anomalies_of(fold(invoice, [ISSUED, replace(PAID, amount=Decimal(200))]))
    assert detail == {"currency": "EUR", "total": "142.80", "paid": "200"}


def test_money_of_another_currency_is_an_anomaly_and_not_added() -> None:
    dollars = replace(PAID, payment_id="p-2", currency="USD")
    assert kinds(ISSUED, dollars) == ["currency-mismatch"]
    assert fold(invoice, [ISSUED, dollars]).due == Decimal("142.80")
