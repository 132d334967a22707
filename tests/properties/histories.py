"""Strategies: any event of an aggregate, any facts told to it, from small pools so that clocks and ids collide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from functools import reduce
from types import ModuleType
from typing import Any, get_args

from hypothesis import strategies as st

from domain import customer, deal, invoice, lead, message, order, pipeline, saved_filter, tenant
from domain.event import Event
from domain.ownership import EMPTY
from domain.pipeline import DEFAULT, Stage
from tests.examples import MUG, at

UNIONS: Mapping[ModuleType, Any] = {
    customer: customer.CustomerEvent,
    lead: lead.LeadEvent,
    deal: deal.DealEvent,
    order: order.OrderEvent,
    invoice: invoice.InvoiceEvent,
    message: message.MessageEvent,
    pipeline: pipeline.PipelineEvent,
    tenant: tenant.TenantEvent,
    saved_filter: saved_filter.SavedFilterEvent,
}

TIMES = st.integers(0, 4).map(at)
MONEY = st.sampled_from([Decimal(0), Decimal("0.10"), Decimal("12.50"), Decimal(30), Decimal(-5)])
CURRENCIES = st.sampled_from(["EUR", "USD"])
SOURCES = st.sampled_from(["app", "crm", "shop"])
PEOPLE = st.sampled_from([None, "c-1", "c-2"])
WORDS = st.sampled_from(["a", "b", "c"])
STAGES = st.sampled_from(["New", "Proposal", "Won", "Lost", "Elsewhere"])
FORMS = st.sampled_from([None, "contact", "quote"])
ANSWERS = st.none() | st.dictionaries(WORDS, WORDS, max_size=2)
LINES = st.sampled_from([(), (MUG,), (MUG, MUG)])
HOURS = st.just(())
TOUCHES = st.sampled_from([lead.Touch(), lead.Touch(source="google")])
EMAILS = st.sampled_from(["ann@example.org", "ANN@example.org", "bob@example.org"])

POOL: Mapping[str, st.SearchStrategy[Any]] = {
    "occurred_at": TIMES,
    "source": SOURCES,
    "source_id": st.just("1"),
    "by_owner": st.booleans(),
    "name": WORDS | st.none(),
    "email": EMAILS | st.none(),
    "phone": st.sampled_from([None, "+49 30 123456", "+4930123456"]),
    "company": WORDS,
    "country": WORDS,
    "lifecycle_stage": WORDS,
    "owner": st.sampled_from([None, "olga", "pavel"]),
    "owned": st.sampled_from([(), ("name",), ("name", "country")]),
    "plain": st.dictionaries(st.sampled_from(["country", "company"]), WORDS | st.just(EMPTY), max_size=2),
    "personal": st.none() | st.dictionaries(st.sampled_from(["name", "email"]), WORDS, max_size=2),
    "field": st.sampled_from(customer.FIELDS),
    "value": WORDS | st.none(),
    "holder": WORDS,
    "purpose": WORDS,
    "into": WORDS,
    "out_of": WORDS,
    "merged": WORDS,
    "unmerged": WORDS,
    "reason": WORDS,
    "form": FORMS,
    "customer_id": PEOPLE,
    "touch": TOUCHES,
    "fields": ANSWERS,
    "by": WORDS,
    "deal_id": PEOPLE,
    "pipeline": WORDS,
    "stage": STAGES,
    "title": WORDS,
    "amount": MONEY,
    "currency": CURRENCIES,
    "lead_id": st.none(),
    "sequence": st.integers(0, 1),
    "anomalies": st.just(()),
    "pipeline_version": st.integers(0, 2),
    "outcome": st.sampled_from([None, "open", "won", "lost"]),
    "follow_up_id": WORDS,
    "due_on": st.sampled_from([date(2026, 3, 1), date(2026, 3, 2)]),
    "task": WORDS,
    "activity": WORDS,
    "status": WORDS,
    "total": MONEY,
    "discount": MONEY,
    "shipping": MONEY,
    "tax": MONEY,
    "subtotal": MONEY,
    "unchanged": st.booleans(),
    "payment_id": WORDS,
    "refund_id": WORDS,
    "shipment_id": WORDS,
    "method": WORDS,
    "quantities": st.dictionaries(WORDS, MONEY, max_size=2),
    "complete": st.booleans(),
    "order_id": PEOPLE,
    "number": st.none(),
    "stages": st.sampled_from([DEFAULT.stages, (Stage(name="New"), Stage(name="Won", outcome="won"))]),
    "renamed": st.sampled_from([(), (("Lead", "New"),), (("Old", "Won"),)]),
    "owners": st.dictionaries(st.sampled_from(customer.FIELDS), SOURCES, max_size=2),
    "time_zone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "key_id": WORDS,
    "filter_id": WORDS,
    "list": st.just("deals"),
    "person": WORDS,
    "query": WORDS,
    "shared": st.booleans(),
    "digest": WORDS,
    "role": WORDS,
    "scopes": st.just(()),
    "batch": WORDS,
    "mapping": WORDS,
    "rows": st.integers(0, 9),
    "events": st.integers(0, 9),
    "skipped": st.just({}),
    "through": st.integers(0, 9),
    "position": st.integers(0, 9),
    "differing": st.integers(0, 9),
    "approved": st.booleans(),
    "versions": st.just((1,)),
    "channel": st.just("email"),
    "subject": WORDS,
    "text": WORDS,
    "forms": st.sampled_from([(), ("contact",)]),
}

PARTICULAR: Mapping[type[Event], Mapping[str, st.SearchStrategy[Any]]] = {
    customer.IdentityLinked: {"kind": st.sampled_from(["email", "phone", "external"])},
    customer.IdentityTaken: {"kind": st.sampled_from(["email", "phone", "external"])},
    deal.DealActivityRecorded: {"kind": WORDS},
    invoice.InvoiceIssued: {"lines": HOURS},
    order.OrderPlaced: {"lines": LINES},
    order.OrderRevised: {"lines": LINES},
    order.RefundIssued: {"lines": LINES},
    tenant.BatchImported: {"anomalies": st.just({})},
    tenant.FollowUpRulesDefined: {
        "rules": st.sampled_from(
            [(), (tenant.FollowUpRule(pipeline="sales", stage="New", days=5, task="Call back"),)]
        )
    },
    tenant.LeadHandlingDefined: {"owners": st.sampled_from([(), ("olga",), ("olga", "pavel")])},
}


def event_of(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Return any event of a class."""
    particular = PARTICULAR.get(cls, {})
    names = [field.name for field in fields(cls)]
    return st.builds(cls, **{name: particular[name] if name in particular else POOL[name] for name in names})


def events_of(aggregate: ModuleType, *without: type[Event]) -> st.SearchStrategy[list[Event]]:
    """Return any history of an aggregate, of all its events but some."""
    classes = [cls for cls in get_args(UNIONS[aggregate]) if cls not in without]
    return st.lists(st.one_of(*map(event_of, classes)), max_size=12)


@dataclass(frozen=True)
class Fact:
    """A decision that records a fact, with what it is told."""

    record: Callable[..., list[Any]]
    content: Mapping[str, Any]


def decided(aggregate: Any, facts: list[Fact], state: Any = None) -> Any:
    """Return the state after deciding these facts one after the other."""

    def decide(before: Any, fact: Fact) -> Any:
        return reduce(aggregate.evolve, fact.record(before, **fact.content), before)

    return reduce(decide, facts, aggregate.NEW if state is None else state)


def _facts(record: Callable[..., list[Any]], **content: st.SearchStrategy[Any]) -> st.SearchStrategy[Fact]:
    return st.builds(Fact, st.just(record), st.fixed_dictionaries({"at": TIMES, **content}))


_PROFILE = st.builds(
    customer.Emptying,
    source_id=st.sampled_from([None, "1", "2"]),
    email=EMAILS | st.none(),
    phone=POOL["phone"],
    name=WORDS | st.none(),
    country=WORDS | st.none(),
    owner=POOL["owner"],
    emptied=st.lists(st.sampled_from(customer.FIELDS), max_size=2, unique=True).map(tuple),
)
_BY_SOURCE: Mapping[str, st.SearchStrategy[Any]] = {"source": SOURCES, "sequence": st.integers(0, 1)}
_RULES: Mapping[str, st.SearchStrategy[Any]] = {"rules": st.just(DEFAULT)}
_SUM: Mapping[str, st.SearchStrategy[Any]] = {"currency": CURRENCIES, "amount": MONEY}

FACTS: Mapping[ModuleType, st.SearchStrategy[list[Fact]]] = {
    customer: st.lists(
        _facts(
            customer.report,
            profile=_PROFILE,
            source=SOURCES,
            owners=st.just({"name": "crm", "email": "app"}),
        ),
        max_size=7,
    ),
    lead: st.lists(
        _facts(
            lead.capture,
            source=st.just("website"),
            form=FORMS,
            customer_id=PEOPLE,
            touch=TOUCHES,
            fields=ANSWERS,
        )
        | _facts(lead.assign_owner, owner=POOL["owner"], source=SOURCES, fact=st.just(True))
        | _facts(lead.qualify, by=WORDS, fact=st.just(True))
        | _facts(lead.disqualify, reason=WORDS, fact=st.just(True))
        | _facts(lead.convert, customer_id=PEOPLE, deal_id=PEOPLE, fact=st.just(True)),
        max_size=7,
    ),
    deal: st.lists(
        _facts(
            deal.open,
            pipeline=WORDS,
            stage=STAGES,
            title=WORDS,
            owner=POOL["owner"],
            source_id=st.just("1"),
            customer_id=PEOPLE,
            **_SUM,
            **_BY_SOURCE,
            **_RULES,
        )
        | _facts(deal.record_stage, stage=STAGES, **_BY_SOURCE, **_RULES)
        | _facts(deal.record_amount, **_SUM, **_BY_SOURCE)
        | _facts(deal.record_owner, owner=POOL["owner"], **_BY_SOURCE)
        | _facts(deal.record_outcome, outcome=st.sampled_from(["won", "lost", "open"]), **_BY_SOURCE)
        | _facts(deal.record_activity, kind=WORDS, activity=WORDS)
        | _facts(deal.link_to_customer, customer_id=PEOPLE),
        max_size=8,
    ),
    order: st.lists(
        _facts(
            order.place,
            source=st.just("shop"),
            source_id=st.just("1"),
            currency=CURRENCIES,
            total=MONEY,
            lines=LINES,
            shipping=MONEY,
            customer_id=PEOPLE,
        )
        | _facts(order.record_payment, payment_id=WORDS, **_SUM)
        | _facts(order.record_shipment, shipment_id=WORDS, quantities=POOL["quantities"])
        | _facts(order.cancel, reason=WORDS)
        | _facts(
            order.refund,
            refund_id=WORDS,
            source=st.just("shop"),
            source_id=WORDS,
            order_id=st.sampled_from([None, "o-1"]),
            **_SUM,
        ),
        max_size=8,
    ),
    invoice: st.lists(
        _facts(
            invoice.issue,
            source=st.just("app"),
            currency=CURRENCIES,
            subtotal=MONEY,
            tax=MONEY,
        )
        | _facts(invoice.record_payment, payment_id=WORDS, **_SUM)
        | _facts(invoice.refund, refund_id=WORDS, **_SUM),
        max_size=8,
    ),
}
"""Any facts that sources tell about an aggregate."""
