"""Every fold is total, goes on from where it was, and, of facts, ends the same in any order."""

import dataclasses
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import customer, deal, invoice, lead, order
from domain.record import EventsWithdrawn, PersonalDataErased
from tests.domain.story import fold
from tests.examples import ISSUED, at
from tests.properties.histories import FACTS, UNIONS, decided, events_of

AGGREGATES = pytest.mark.parametrize("aggregate", UNIONS, ids=lambda module: module.__name__)
FACTUAL = pytest.mark.parametrize(
    "aggregate", [customer, lead, deal, order, invoice], ids=lambda module: module.__name__
)


@AGGREGATES
@given(data=st.data())
def test_every_event_has_its_effect_on_every_state(aggregate: ModuleType, data: st.DataObject) -> None:
    state = fold(aggregate, data.draw(events_of(aggregate)))
    assert type(state) is type(aggregate.NEW)


@AGGREGATES
@given(data=st.data())
def test_a_fold_goes_on_from_where_it_was(aggregate: ModuleType, data: st.DataObject) -> None:
    first, second = data.draw(events_of(aggregate)), data.draw(events_of(aggregate))
    assert fold(aggregate, second, fold(aggregate, first)) == fold(aggregate, first + second)


@FACTUAL
@given(data=st.data())
def test_the_same_events_in_any_order_end_the_same(aggregate: ModuleType, data: st.DataObject) -> None:
    events = data.draw(events_of(aggregate, PersonalDataErased, EventsWithdrawn))
    assert fold(aggregate, data.draw(st.permutations(events))) == fold(aggregate, events)


@FACTUAL
@given(data=st.data())
def test_the_same_facts_told_in_any_order_end_the_same(aggregate: ModuleType, data: st.DataObject) -> None:
    facts = data.draw(FACTS[aggregate])
    assert decided(aggregate, data.draw(st.permutations(facts))) == decided(aggregate, facts)


@FACTUAL
@given(data=st.data())
def test_the_same_facts_told_twice_change_nothing(aggregate: ModuleType, data: st.DataObject) -> None:
    facts = data.draw(FACTS[aggregate])
    once = decided(aggregate, facts)
    assert decided(aggregate, facts, once) == once


@pytest.mark.parametrize("aggregate", [lead, deal, order, invoice], ids=lambda module: module.__name__)
@given(data=st.data())
def test_the_same_facts_told_twice_are_recorded_once(aggregate: ModuleType, data: st.DataObject) -> None:
    facts = data.draw(FACTS[aggregate])
    once = decided(aggregate, facts)
    assert [fact.record(once, **fact.content) for fact in facts] == [[] for _ in facts]


@FACTUAL
@given(data=st.data())
def test_money_is_never_a_float(aggregate: ModuleType, data: st.DataObject) -> None:
    assert not list(floats(decided(aggregate, data.draw(FACTS[aggregate]))))


def floats(value: Any) -> Any:
    """Yield every float inside a value."""
    if isinstance(value, float):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from floats(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from floats([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | frozenset):
        for one in value:
            yield from floats(one)


@given(
    subtotal=st.decimals(-1000, 1000, places=2),
    tax=st.decimals(0, 100, places=2),
    payments=st.lists(st.decimals(0, 500, places=2), max_size=4),
    refunds=st.lists(st.decimals(0, 500, places=2), max_size=4),
    data=st.data(),
)
def test_due_is_subtotal_and_tax_less_paid_and_refunded_for_any_order_of_events(
    subtotal: Decimal, tax: Decimal, payments: list[Decimal], refunds: list[Decimal], data: st.DataObject
) -> None:

    events: list[Any] = [dataclasses.replace(ISSUED, subtotal=subtotal, tax=tax)]
    for index, amount in enumerate(payments):
        events.append(
            invoice.InvoicePaid(occurred_at=at(index), payment_id=f"p{index}", currency="EUR", amount=amount)
        )
    for index, amount in enumerate(refunds):
        events.append(
            invoice.InvoiceRefunded(
                occurred_at=at(index), refund_id=f"r{index}", currency="EUR", amount=amount
            )
        )
    state = fold(invoice, data.draw(st.permutations(events)))
    assert state.due == subtotal + tax - sum(payments, Decimal(0)) - sum(refunds, Decimal(0))
