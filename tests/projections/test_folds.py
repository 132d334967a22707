"""Folds as rules: any order of arrival, any cut, nothing changed in place."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import customer, deal, invoice, lead, order
from domain.event import Event, registered
from projections.access import API_KEYS
from projections.customers import CUSTOMERS
from projections.deals import DEALS
from projections.definition import Fold, Models, ReadModel, TwoOwners, UnknownReadModel
from projections.invoices import INVOICES
from projections.leads import LEADS
from projections.models import ALL
from projections.orders import ORDERS
from projections.sentences import SENTENCES, sentence
from streams.records import Recorded
from tests import examples
from tests.projections.facts import at

minutes = st.integers(0, 4).map(at)
names = st.sampled_from(["x", "y"])
amounts = st.sampled_from([Decimal(1), Decimal("10.00"), Decimal("10.5")])
money = st.sampled_from(["EUR", "USD"])
lines = st.lists(
    st.builds(order.OrderLine, sku=names, title=names, quantity=amounts, unit_price=amounts), max_size=2
).map(tuple)


def facts(cls: type[Event], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.builds(cls, occurred_at=minutes, **fields)


maybe = st.one_of(st.none(), names)
touches = st.builds(lead.Touch, source=maybe, medium=maybe)
answers = st.one_of(st.none(), st.dictionaries(names, names, max_size=2))
told = {"source": names, "by_owner": st.booleans()}
sequences = st.integers(0, 1)

STREAMS: dict[str, tuple[ReadModel, st.SearchStrategy[Event]]] = {
    "order-1": (
        ORDERS,
        st.one_of(
            facts(
                order.OrderPlaced,
                source=names,
                source_id=names,
                currency=money,
                total=amounts,
                lines=lines,
                customer_id=maybe,
            ),
            facts(order.OrderRevised, currency=money, total=amounts, lines=lines),
            facts(order.PaymentReceived, payment_id=names, currency=money, amount=amounts),
            facts(
                order.ShipmentSent,
                shipment_id=names,
                quantities=st.dictionaries(names, amounts),
                complete=st.booleans(),
            ),
            facts(order.OrderCancelled),
            facts(
                order.RefundIssued,
                refund_id=names,
                source=names,
                source_id=names,
                currency=money,
                amount=amounts,
                order_id=maybe,
                customer_id=maybe,
            ),
            facts(order.OrderLinkedToCustomer, customer_id=maybe),
            facts(order.RefundLinkedToOrder, order_id=names),
        ),
    ),
    "deal-1": (
        DEALS,
        st.one_of(
            facts(
                deal.DealOpened,
                source=names,
                pipeline=names,
                stage=names,
                title=names,
                owner=maybe,
                amount=st.one_of(st.none(), amounts),
                currency=money,
                customer_id=maybe,
                sequence=sequences,
            ),
            facts(
                deal.StageChanged,
                stage=names,
                source=names,
                sequence=sequences,
                outcome=st.sampled_from([None, "open", "won", "lost"]),
                anomalies=st.sampled_from([(), ("stage-unknown",)]),
            ),
            facts(
                deal.DealAmountChanged,
                amount=st.one_of(st.none(), amounts),
                currency=money,
                source=names,
                sequence=sequences,
            ),
            facts(deal.DealOwnerAssigned, owner=maybe, source=names, sequence=sequences),
            facts(deal.DealRetitled, title=names, source=names),
            facts(deal.DealWon, source=names, sequence=sequences),
            facts(deal.DealLost, source=names, reason=maybe, sequence=sequences),
            facts(deal.DealReopened, source=names, sequence=sequences),
            facts(deal.DealLinkedToCustomer, customer_id=maybe),
            facts(
                deal.FollowUpScheduled,
                follow_up_id=names,
                due_on=minutes.map(lambda time: time.date()),
                task=names,
            ),
            facts(deal.FollowUpCompleted, follow_up_id=names),
        ),
    ),
    "lead-1": (
        LEADS,
        st.one_of(
            facts(
                lead.LeadCaptured, source=names, form=maybe, customer_id=maybe, touch=touches, fields=answers
            ),
            facts(lead.FormSubmitted, form=maybe, touch=touches, fields=answers),
            facts(lead.LeadOwnerAssigned, owner=maybe, source=names),
            facts(lead.LeadQualified),
            facts(lead.LeadDisqualified),
            facts(lead.LeadConverted, customer_id=maybe, deal_id=maybe),
            facts(lead.LeadLinkedToCustomer, customer_id=maybe),
        ),
    ),
    "customer-1": (
        CUSTOMERS,
        st.one_of(
            facts(customer.CustomerRegistered, source=names),
            facts(customer.NameChanged, name=names, **told),
            facts(customer.EmailChanged, email=names, **told),
            facts(customer.CompanyChanged, company=names, **told),
            facts(customer.CustomerOwnerAssigned, owner=names, **told),
            facts(customer.FieldConflictSettled, field=st.sampled_from(["name", "company"])),
            facts(customer.IdentityLinked, kind=st.just("email"), value=names, source=names),
            facts(customer.IdentityTaken, kind=st.just("email"), value=names, source=names, holder=names),
            facts(customer.ConsentGiven, purpose=names, source=names),
            facts(customer.ConsentWithdrawn, purpose=names, source=names),
            facts(customer.CustomerMerged, into=names, reason=names),
            facts(customer.CustomerUnmerged, out_of=names, reason=names),
            facts(customer.CustomerAbsorbed, merged=names, reason=names),
        ),
    ),
    "invoice-1": (
        INVOICES,
        st.one_of(
            facts(invoice.InvoiceIssued, source=names, currency=money, subtotal=amounts, tax=amounts),
            facts(invoice.InvoicePaid, payment_id=names, currency=money, amount=amounts),
            facts(invoice.InvoiceRefunded, refund_id=names, currency=money, amount=amounts),
            facts(invoice.InvoiceVoided, reason=names),
        ),
    ),
}


def recorded(stream: str, events: Sequence[Event]) -> list[Recorded]:
    return [
        Recorded(n, "main", stream, n, "fact.v1", None, at(n), "alice", "test", event)
        for n, event in enumerate(events, 1)
    ]


def folded(fold: Fold[Any], events: Sequence[Recorded], state: Any = None) -> Any:
    for one in events:
        state = fold.evolve[type(one.event)](state, one)
    return state


def content(fold: Fold[Any], state: Any) -> tuple[object, ...]:
    """Return what a row shows, and its unsettled anomalies, but nothing of when it arrived."""
    if state is None:
        return ()
    opened = {name: found.detail for name, found in state.anomalies.items() if found.settled_at is None}
    entries = [entry[:3] for entry in getattr(state, "entries", ())]
    rest = {
        name: getattr(state, name) for name in state.__struct_fields__ if name not in {"anomalies", "entries"}
    }
    return (fold.row(state), opened, entries, rest)


def given_stream(stream: str) -> tuple[Fold[Any], st.SearchStrategy[list[Event]]]:
    model, one = STREAMS[stream]
    assert model.fold is not None
    return model.fold, st.lists(one, max_size=8)


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=150)
@given(data=st.data())
def test_any_order_of_arrival_ends_in_the_same_row(stream: str, data: st.DataObject) -> None:
    fold, some = given_stream(stream)
    events = data.draw(some)
    shuffled = data.draw(st.permutations(events))
    one, other = (folded(fold, recorded(stream, told_so)) for told_so in (events, shuffled))
    assert content(fold, one) == content(fold, other)


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_fold_goes_on_from_what_was_kept_and_never_changes_what_it_is_given(
    stream: str, data: st.DataObject
) -> None:
    fold, some = given_stream(stream)
    events = recorded(stream, data.draw(some))
    cut = data.draw(st.integers(0, len(events)))
    first = folded(fold, events[:cut])
    before = msgspec.json.encode(first)
    kept = msgspec.json.decode(before, type=fold.state) if first is not None else None
    assert folded(fold, events[cut:], kept) == folded(fold, events)
    for one in events[cut:]:
        fold.evolve[type(one.event)](first, one)
    assert msgspec.json.encode(first) == before


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_fact_told_twice_counts_once(stream: str, data: st.DataObject) -> None:
    fold, some = given_stream(stream)
    events = data.draw(some)
    once, twice = (folded(fold, recorded(stream, told_so)) for told_so in (events, [*events, *events]))
    assert content(fold, once) == content(fold, twice)


@settings(max_examples=100)
@given(data=st.data())
def test_an_order_looks_wrong_in_the_same_ways_to_its_row_and_to_its_decisions(data: st.DataObject) -> None:
    fold, some = given_stream("order-1")
    events: Any = data.draw(some)
    state = folded(fold, recorded("order-1", events))
    decided = order.NEW
    for event in events:
        decided = order.evolve(decided, event)
    open_now = (
        {}
        if state is None
        else {n: dict(f.detail) for n, f in state.anomalies.items() if f.settled_at is None}
    )
    assert open_now == dict(order.anomalies_of(decided))


@settings(max_examples=100)
@given(data=st.data())
def test_a_deal_stands_where_its_decisions_think_it_stands(data: st.DataObject) -> None:
    fold, some = given_stream("deal-1")
    events: Any = data.draw(some)
    state = folded(fold, recorded("deal-1", events))
    decided = deal.NEW
    for event in events:
        decided = deal.evolve(decided, event)
    if state is not None:
        row = dict(zip(fold.columns, fold.row(state), strict=True))
        assert (row["stage"], row["outcome"], row["owner"]) == (
            decided.stage,
            decided.outcome,
            decided.owner.value,
        )


def test_every_event_has_a_sentence_or_is_silent_and_none_tells_who_someone_is() -> None:
    assert set(SENTENCES) == set(registered().values())
    shown = [sentence(event) for event in examples.EVENTS]
    assert {type(event) for event in examples.EVENTS} == set(SENTENCES)
    for text in shown:
        assert text is None or not any(word in text for word in ("Ann", "@", "+31", "mugs"))


def test_an_amount_is_told_with_every_digit_however_small_it_is() -> None:
    paid = next(event for event in examples.EVENTS if isinstance(event, order.PaymentReceived))
    small = replace(paid, amount=Decimal("0.00000001"), currency="EUR")
    assert sentence(small) == "Paid EUR 0.00000001"


def test_every_event_of_a_stream_is_folded_by_its_model_or_left_to_the_timeline() -> None:
    left = {"deal-activity-recorded.v1", "events-withdrawn.v1", "personal-data-erased.v1"}
    modules = {customer: CUSTOMERS, deal: DEALS, lead: LEADS, order: ORDERS, invoice: INVOICES}
    for name, cls in registered().items():
        model = next((m for module, m in modules.items() if cls.__module__ == module.__name__), None)
        if model is not None and name not in left:
            assert model.fold is not None
            assert cls in model.fold.evolve, name


def test_a_table_has_one_owner() -> None:
    with pytest.raises(TwoOwners):
        Models((ORDERS, replace(DEALS, shown_as=("customer_money",))))
    assert ALL.named(["customer_money", "refunds"]) == (ORDERS,)
    with pytest.raises(UnknownReadModel):
        ALL.named(["nothing"])


def test_each_api_key_is_a_unit_of_its_own() -> None:
    created = next(event for event in examples.EVENTS if type(event).__name__ == "ApiKeyCreated")
    (one,) = recorded("tenant-keys", [created])
    assert API_KEYS.unit_of(one) == "tenant-keys/k-1"
    assert API_KEYS.fold is not None
    assert API_KEYS.fold.keyed(API_KEYS.unit_of(one)) == "k-1"
