"""E-mail addresses, phone numbers, money and registers."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.contact import email_key, phone_key
from domain.currencies import CURRENCIES, DECIMALS
from domain.errors import InvalidValue, Refusal
from domain.money import amount, currency, figures, written
from domain.record import EventsWithdrawn, effective
from domain.register import NEVER, Register, after, stamp
from tests.examples import NAMED, REGISTERED, at


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann@Example.ORG\n", "ann@example.org"),
        ("STRASSE@EXAMPLE.ORG", "strasse@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("ann+shop@mail.example.co.uk", "ann+shop@mail.example.co.uk"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_an_email_address_is_the_same_however_it_is_written(written: str, key: str) -> None:
    assert email_key(written) == key


@pytest.mark.parametrize(
    "written",
    ["ann", "ann@", "@example.org", "ann@example", "a@b@example.org", "ann smith@example.org", "a@.org"],
)
def test_what_is_no_email_address_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        email_key(written)
    assert refused.value.detail == {"field": "email", "rule": "an e-mail address such as ann@example.org"}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("+44 20 7946 0958", "+442079460958"),
        ("+44 (0)20 7946-0958", "+442079460958"),
        ("0044 20 7946 0958", "+442079460958"),
        ("020 7946 0958", "02079460958"),
        ("(202) 555-0123", "2025550123"),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_phone_number_is_the_same_however_it_is_written(written: str, key: str) -> None:
    assert phone_key(written) == key


def test_a_national_number_is_not_another_countrys() -> None:
    assert phone_key("20 2555 0123") != phone_key("+20 2555 0123")


@pytest.mark.parametrize("written", ["none", "123", "+49 30 1234567890123456", "555-CALL-ME", "-", "+"])
def test_what_is_no_phone_number_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        phone_key(written)
    assert refused.value.detail == {"field": "phone", "rule": "a phone number such as +44 20 7946 0958"}


@pytest.mark.parametrize(
    ("written", "read"), [("12.50", "12.50"), (" -3 ", "-3"), (7, "7"), (Decimal("1.5"), "1.5")]
)
def test_an_amount_is_read_exactly(written: Any, read: str) -> None:
    assert str(amount(written)) == read


@pytest.mark.parametrize(
    "written", [1.5, True, "", "1e3", "1,000", "NaN", Decimal("NaN"), Decimal("Infinity"), ".5", None, "١٢"]
)
def test_what_is_no_exact_amount_is_refused(written: Any) -> None:
    with pytest.raises(InvalidValue):
        amount(written)


def test_a_currency_is_an_iso_code_in_capitals() -> None:
    assert currency("EUR") == "EUR"
    for code in ("eur", "EURO", "", "XXX", "BTC"):
        with pytest.raises(InvalidValue, match="ISO 4217"):
            currency(code)


def test_a_register_keeps_the_newest_whatever_comes_first() -> None:
    older, newer = ("a", stamp(at(1))), ("b", stamp(at(2)))
    assert Register("", NEVER).offer(*older).offer(*newer) == Register("", NEVER).offer(*newer).offer(*older)
    assert Register(*older).offer(*newer).value == "b"


def test_a_sequence_orders_what_a_clock_does_not() -> None:
    assert stamp(at(1), 1) > stamp(at(1), 0) > stamp(at(0), 9)


def test_two_values_of_one_stamp_are_settled_by_their_content() -> None:
    one, other = Register("a", stamp(at())), Register("b", stamp(at()))
    assert one.join(other) == other.join(one)


def test_a_request_comes_right_after_the_newest_fact_it_must_outdo() -> None:
    assert after(at(5)) == at(5)
    assert after(at(5), NEVER) == at(5)
    assert after(at(5), stamp(at(4))) == at(5)
    for fact in (at(5), at(9)):
        assert stamp(after(at(5), stamp(at(1)), stamp(fact, 7)))[0] == stamp(fact)[0] + 1


def test_withdrawn_events_never_happened() -> None:
    withdrawn = EventsWithdrawn(occurred_at=at(9), versions=(1,), reason="wrong file")
    assert effective([(1, REGISTERED), (2, NAMED), (3, withdrawn)]) == [(2, NAMED), (3, withdrawn)]
    assert effective([(1, REGISTERED)]) == [(1, REGISTERED)]


def test_a_refusal_is_its_sentence_and_the_values_that_show_the_case() -> None:
    assert str(InvalidValue(field="currency", rule="an ISO 4217 code")) == (
        "A field does not follow its rule. (field='currency', rule='an ISO 4217 code')"
    )


def test_every_refusal_is_a_sentence() -> None:
    reasons = Refusal.__subclasses__()
    assert reasons
    assert [reason for reason in reasons if not (reason.__doc__ or "").endswith(".")] == []


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("900", "EUR", "EUR 900.00"),
        ("900.5000", "EUR", "EUR 900.50"),
        ("-1234567.891", "USD", "USD -1,234,567.891"),
        ("0.00000001", "GBP", "GBP 0.00000001"),
        ("1000000.00", "JPY", "JPY 1,000,000"),
        ("10.5", "JPY", "JPY 10.5"),
        ("1.2", "KWD", "KWD 1.200"),
        ("1E+5", "EUR", "EUR 100,000.00"),
        ("123456789012345678.99", "EUR", "EUR 123,456,789,012,345,678.99"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency_and_every_digit_it_has(
    value: str, code: str, shown: str
) -> None:
    assert written(Decimal(value), code) == shown


@given(st.decimals(min_value=-(10**18), max_value=10**18, places=4), st.sampled_from(sorted(CURRENCIES)))
def test_written_money_is_the_same_money(value: Decimal, code: str) -> None:
    shown = figures(value, code)
    assert Decimal(shown.replace(",", "")) == value
    assert len(shown.partition(".")[2]) >= DECIMALS.get(code, 2)


def test_the_decimals_are_those_of_currencies_that_there_are() -> None:
    assert set(DECIMALS) <= CURRENCIES
