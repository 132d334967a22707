"""The rows that people see are the same for the same facts in any order, and agree with what decisions know."""

from collections.abc import Iterable, Sequence
from functools import reduce
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import customer, deal, invoice, lead, order
from domain.event import Event
from projections.customers import CUSTOMERS
from projections.deals import DEALS
from projections.invoices import INVOICES
from projections.leads import LEADS
from projections.orders import ORDERS
from streams.records import Recorded
from tests.domain.story import fold
from tests.examples import at
from tests.properties.histories import FACTS, Fact

MODELS = {customer: CUSTOMERS, lead: LEADS, deal: DEALS, order: ORDERS, invoice: INVOICES}
EVERY = pytest.mark.parametrize("aggregate", MODELS, ids=lambda module: module.__name__)


def recorded(aggregate: Any, facts: Iterable[Fact]) -> list[Event]:
    """Return the events that deciding these facts, one after the other, records."""
    events: list[Event] = []
    state = aggregate.NEW
    for fact in facts:
        news = fact.record(state, **fact.content)
        state = fold(aggregate, news, state)
        events += news
    return events


def as_kept(model: Any, state: Any) -> Any:
    """Return a fold's state as it is after a journey through its table."""
    return msgspec.json.decode(msgspec.json.encode(state), type=model.fold.state)


def state_of(aggregate: ModuleType, events: Sequence[Event]) -> Any:
    fold_ = MODELS[aggregate].fold
    assert fold_ is not None

    def evolve(state: Any, step: tuple[int, Event]) -> Any:
        position, event = step
        stands = Recorded(
            position=position,
            tenant="main",
            stream=f"{aggregate.__name__.split('.')[1]}-1",
            version=position,
            type="",
            customer_id=None,
            recorded_at=at(position),
            actor="test",
            source="test",
            event=event,
        )
        return as_kept(MODELS[aggregate], fold_.evolve[type(event)](state, stands))

    handled = [event for event in events if type(event) in fold_.evolve]
    return reduce(evolve, enumerate(handled, 1), None)


def row(aggregate: ModuleType, events: Sequence[Event]) -> dict[str, Any]:
    fold_ = MODELS[aggregate].fold
    assert fold_ is not None
    state = state_of(aggregate, events)
    if state is None:
        return {}
    return {
        name: msgspec.json.decode(value) if fold_.columns[name] == "jsonb" and value else value
        for name, value in zip(fold_.columns, fold_.row(state), strict=True)
    }


@EVERY
@given(data=st.data())
def test_the_same_facts_told_in_any_order_show_the_same_row(
    aggregate: ModuleType, data: st.DataObject
) -> None:
    facts = data.draw(FACTS[aggregate])
    told, shuffled = recorded(aggregate, facts), recorded(aggregate, data.draw(st.permutations(facts)))
    assert row(aggregate, shuffled) == row(aggregate, told)


@given(data=st.data())
def test_a_customers_row_shows_the_values_that_stand(data: st.DataObject) -> None:
    events = recorded(customer, data.draw(FACTS[customer]))
    state, shown = fold(customer, events), row(customer, events)
    assert not events or [shown[name] for name in customer.FIELDS] == [
        state.value(n) for n in customer.FIELDS
    ]


@given(data=st.data())
def test_a_deals_row_shows_the_stage_outcome_and_value_that_decisions_know(data: st.DataObject) -> None:
    events = recorded(deal, data.draw(FACTS[deal]))
    state, shown = fold(deal, events), row(deal, events)
    if not shown:
        return
    value = state.value.value
    assert (shown["stage"], shown["outcome"], shown["owner"]) == (
        state.stage,
        state.outcome,
        state.owner.value,
    )
    assert (shown["amount"], shown["currency"]) == ((value.amount, value.currency) if value else (None, None))
    assert shown["customer_id"] == state.customer.value


@given(data=st.data())
def test_an_orders_row_shows_the_total_customer_and_anomalies_that_decisions_know(
    data: st.DataObject,
) -> None:
    events = recorded(order, data.draw(FACTS[order]))
    state, shown = fold(order, events), row(order, events)
    if not shown:
        return
    content = state.content.value
    assert shown["customer_id"] == state.customer.value
    assert shown["total"] == (content.total if content else None)
    assert shown["anomalies"] == sorted(kind for kind, _ in order.anomalies_of(state))


@given(data=st.data())
def test_a_leads_row_shows_the_status_and_customer_that_decisions_know(data: st.DataObject) -> None:
    events = recorded(lead, data.draw(FACTS[lead]))
    state, shown = fold(lead, events), row(lead, events)
    if not shown:
        return
    assert (shown["status"], shown["customer_id"]) == (state.status, state.customer.value)
    assert (shown["owner"], shown["captured_at"]) == (state.owner.value, state.captured_at)


@given(data=st.data())
def test_an_invoices_row_shows_what_is_due_as_decisions_know_it(data: st.DataObject) -> None:
    events = recorded(invoice, data.draw(FACTS[invoice]))
    state, shown = fold(invoice, events), row(invoice, events)
    assert state.issued.value is None or shown["due"] == state.due
