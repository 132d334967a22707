"""Whatever arrives in whatever order, one command at a time or many together, schema `read` ends in the same rows."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from commands.command import (
    CaptureLead,
    Command,
    Context,
    DefineOwnership,
    DefinePipeline,
    IssueInvoice,
    OpenDeal,
    RecordCancellation,
    RecordCustomer,
    RecordDealActivity,
    RecordDealChange,
    RecordInvoicePayment,
    RecordInvoiceRefund,
    RecordLeadProgress,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
)
from commands.handle import Answer, handle, handle_many
from domain.customer import Emptying, Profile
from domain.ids import external_id
from domain.lead import Touch
from domain.pipeline import DEFAULT
from projections.projector import Projector
from projections.schema import prepare
from projections.views import ORDER
from streams.log import Log
from tests.examples import MUG, at

SOURCES = ("shop", "crm")
IDS = ("1", "2")
KINDS = ("order", "refund", "lead", "deal", "invoice")
OF_THE_LOG = {"projections", "partitions", "held"}
"""Views of how far the log is projected."""
OF_ARRIVAL = frozenset({"tenant", "position", "recorded_at", "found_at", "settled_at"})
"""Columns of where and when something was recorded."""
OF_NEWS = frozenset({"occurred_at", "type", "summary", "actor", "source", "recorded_customer_id"})
"""What the timeline says of what was news when it came."""

Fact = tuple[str, Any]
"""A source, and its command or, where it names a record by our id, how the tenant's id makes it one."""

MONEY = st.sampled_from([Decimal(0), Decimal("12.50"), Decimal(25), Decimal(30), Decimal(-5)])
CURRENCIES = st.sampled_from(["EUR", "USD"])
WORDS = st.sampled_from(["a", "b"])
ID = st.sampled_from(IDS)
OWNERS = st.sampled_from([None, "olga", "pavel"])


def _profiles() -> st.SearchStrategy[Profile]:
    """Return what is told of someone, who is always recognised: by their e-mail address, or by one source's id."""
    named = st.sampled_from(["ann", "bob"]).flatmap(
        lambda who: st.builds(
            Emptying,
            email=st.sampled_from([f"{who}@example.org", f"{who.upper()}@example.org"]),
            source_id=st.sampled_from([None, who]),
            name=st.sampled_from([None, who, f"{who} smith"]),
            country=st.sampled_from([None, "DE", "NL"]),
            owner=OWNERS,
            emptied=st.sampled_from([(), ("name",), ("country", "owner"), ("phone",)]),
        )
    )
    return named | st.just(Profile(source_id="77"))


PROFILES = _profiles()
GUESTS = PROFILES | st.none()


def _told(command: type[Command], **content: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"occurred_at": st.just(at(0)), **content}).map(lambda told: command(**told))


FACTS: st.SearchStrategy[list[Fact]] = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.one_of(
            _told(RecordCustomer, profile=PROFILES),
            _told(
                RecordOrder,
                source_id=ID,
                currency=CURRENCIES,
                total=MONEY,
                lines=st.sampled_from([(), (MUG,)]),
                profile=GUESTS,
            ),
            _told(RecordPayment, order_source_id=ID, payment_id=ID, currency=CURRENCIES, amount=MONEY),
            _told(
                RecordShipment,
                order_source_id=ID,
                shipment_id=ID,
                quantities=st.just({"MUG": Decimal(1)}),
                complete=st.booleans(),
            ),
            _told(RecordCancellation, order_source_id=ID),
            _told(
                RecordRefund,
                source_id=ID,
                order_source_id=ID | st.none(),
                currency=CURRENCIES,
                amount=MONEY,
                profile=GUESTS,
            ),
            _told(
                CaptureLead,
                form=st.sampled_from([None, "contact"]),
                source_id=ID,
                profile=GUESTS,
                touch=st.sampled_from([Touch(), Touch(source="google"), Touch(source="bing")]),
                fields=st.sampled_from([None, {"message": "a"}, {"message": "b"}]),
            ),
            _told(CaptureLead, form=st.sampled_from([None, "contact"]), profile=PROFILES),
            _told(
                RecordLeadProgress,
                source_id=ID,
                progress=st.sampled_from(["qualified", "disqualified", "converted"]),
                owner=OWNERS,
                profile=GUESTS,
                deal_source_id=ID | st.none(),
            ),
            _told(
                OpenDeal,
                source_id=ID,
                pipeline=st.just(DEFAULT.name),
                stage=st.sampled_from(["New", "Proposal", "Won", "Elsewhere"]),
                title=WORDS,
                owner=OWNERS,
                amount=MONEY,
                currency=CURRENCIES,
                profile=GUESTS,
            ),
            _told(
                RecordDealChange,
                source_id=ID,
                stage=st.sampled_from([None, "Proposal", "Won", "Lost", "Elsewhere"]),
                pipeline=st.just(DEFAULT.name),
                owner=OWNERS,
                amount=MONEY | st.none(),
                currency=CURRENCIES,
                outcome=st.sampled_from([None, "won", "lost", "open"]),
                profile=GUESTS,
            ),
            _told(RecordDealActivity, source_id=ID, kind=WORDS, activity=WORDS),
            _told(IssueInvoice, source_id=ID, currency=CURRENCIES, subtotal=MONEY, tax=MONEY, profile=GUESTS),
            _told(RecordInvoicePayment, invoice_id=ID, payment_id=ID, currency=CURRENCIES, amount=MONEY),
            _told(RecordInvoiceRefund, invoice_id=ID, refund_id=ID, currency=CURRENCIES, amount=MONEY),
        ),
    ),
    min_size=2,
    max_size=20,
).map(lambda facts: [(source, replace(fact, occurred_at=at(n))) for n, (source, fact) in enumerate(facts)])
"""What happened, each at a moment of its own: between two who are told of at one moment only chance could decide."""


@pytest.fixture
def projector(log: Log, database: str) -> Projector:
    """A projector of every read model; each example has tenants of its own."""
    prepare(database)
    return Projector(log, database)


_tenants = (f"t{number}" for number in itertools.count())


def _asked(tenant: str, facts: Iterable[Fact]) -> list[tuple[Command, Context]]:
    """Return facts as a tenant's commands; an invoice is named by our id, which the source's own gives."""

    def context(source: str) -> Context:
        return Context(tenant=tenant, actor=source, source=source, now=at(0))

    def command(source: str, told: Any) -> Any:
        if isinstance(told, RecordInvoicePayment | RecordInvoiceRefund):
            return replace(told, invoice_id=external_id(tenant, "invoice", source, told.invoice_id))
        return told

    return [(command(*fact), context(fact[0])) for fact in facts]


RULES: list[Fact] = [
    ("app", DefineOwnership(owners={"name": "crm", "country": "shop"})),
    ("app", DefinePipeline(name=DEFAULT.name, stages=DEFAULT.stages)),
]


def _shown(database: str, tenant: str) -> dict[str, list[str]]:
    """Return the rows of every view for a tenant, without what tells of arrival, ids by what they stand for."""
    with psycopg.connect(database, row_factory=dict_row) as connection:
        rows = {
            view: connection.execute(
                f"SELECT * FROM read.{view} WHERE tenant = %s".encode(), (tenant,)
            ).fetchall()
            for view in ORDER
            if view not in OF_THE_LOG
        }
    rows["anomalies"] = [row for row in rows["anomalies"] if row["settled_at"] is None]
    names = {
        external_id(tenant, kind, source, ident): f"{kind} {ident} of {source}"
        for kind, source, ident in itertools.product(KINDS, SOURCES, IDS)
    }
    for row in sorted(rows["identities"], key=lambda row: (row["kind"], row["source"], row["value"])):
        names.setdefault(row["customer_id"], f"customer {row['value']} of {row['source']}")
    for row in rows["leads"]:
        customer = names.get(row["customer_id"])
        names.setdefault(row["lead_id"], f"lead of {customer} on {row['form']}")
    entries = {_plain(row, names, OF_NEWS) for row in rows.pop("timeline")}
    told = {view: sorted(_plain(row, names) for row in found) for view, found in rows.items()}
    return {**told, "timeline": sorted(entries)}


def _plain(row: Mapping[str, Any], names: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> str:
    text = json.dumps({k: v for k, v in row.items() if k not in OF_ARRIVAL | hidden}, default=str)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda found: names[found[0]], text)


def _ends_the_same(
    log: Log, database: str, projector: Projector, facts: Sequence[Fact], again: Sequence[Fact]
) -> None:
    """Tell one tenant the facts one by one, and another what it is told together; then compare their rows."""
    one, other = next(_tenants), next(_tenants)
    for command, context in _asked(one, [*RULES, *facts]):
        handle(log, command, context)
    outcomes = handle_many(log, _asked(other, [*RULES, *again]))
    assert all(isinstance(outcome, Answer) for outcome in outcomes)
    projector.catch_up()
    assert _shown(database, other) == _shown(database, one)


@settings(max_examples=40)
@given(facts=FACTS, data=st.data())
def test_facts_told_in_any_order_and_twice_end_in_the_same_rows_of_every_view(
    log: Log, database: str, projector: Projector, facts: list[Fact], data: st.DataObject
) -> None:
    twice = data.draw(st.lists(st.sampled_from(facts), max_size=2))
    told, again = data.draw(st.permutations(facts)), data.draw(st.permutations([*facts, *twice]))
    _ends_the_same(log, database, projector, told, again)


ANN, BOB = (Profile(email=f"{name}@example.org", source_id=name, name=name) for name in ("ann", "bob"))
ORDERED = RecordOrder(source_id="1", currency="EUR", total=Decimal(30), occurred_at=at(1))
REFUNDED = RecordRefund(
    source_id="1", order_source_id="1", currency="EUR", amount=Decimal(5), occurred_at=at(2)
)


@pytest.mark.parametrize(
    "facts",
    [
        [RecordCustomer(profile=ANN, occurred_at=at(minutes)) for minutes in (0, 1)],
        [RecordCustomer(profile=Profile(source_id="7"), occurred_at=at(minutes)) for minutes in (0, 1)],
        [replace(ORDERED, profile=profile, occurred_at=at(n)) for n, profile in enumerate((ANN, BOB))],
        [replace(ORDERED, occurred_at=at(minutes)) for minutes in (0, 1)],
        [ORDERED, replace(REFUNDED, profile=ANN)],
        [replace(REFUNDED, profile=BOB), replace(ORDERED, profile=ANN)],
        [ORDERED, REFUNDED, replace(REFUNDED, order_source_id=None, profile=ANN, occurred_at=at(3))],
        [
            replace(REFUNDED, order_source_id=None, profile=who, occurred_at=at(n))
            for n, who in ((0, None), (1, ANN))
        ],
    ],
    ids=[
        "a customer told again",
        "an id told again",
        "one order told for two people",
        "a guest's order told again",
        "a guest's order and a refund that names someone",
        "an order and a refund that name two people",
        "a refund told with its order and without",
        "a refund that names someone only later",
    ],
)
def test_a_customer_is_seen_when_facts_say_so_whatever_was_news_when_it_came(
    log: Log, database: str, projector: Projector, facts: list[Command]
) -> None:
    told = [("shop", fact) for fact in facts]
    _ends_the_same(log, database, projector, told, told[::-1])
