"""The timeline: a sentence for everything that happened, and to which customer."""

from copy import copy
from datetime import datetime
from typing import Any, get_args

import msgspec

from domain.customer import CustomerEvent, CustomerRegistered, IdentityLinked, IdentityTaken
from domain.deal import DealEvent, DealLinkedToCustomer
from domain.event import Event
from domain.ids import id_of
from domain.invoice import InvoiceEvent
from domain.lead import LeadEvent, LeadLinkedToCustomer
from domain.message import MessageEvent
from domain.order import OrderEvent, OrderLinkedToCustomer, RefundIssued, RefundLinkedToOrder
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.register import Register, stamp
from projections.definition import Fold, Journal, ReadModel, Row
from projections.sentences import sentence
from streams.records import Recorded


def _entry(recorded: Recorded) -> Row | None:
    summary = sentence(recorded.event)
    if summary is None:
        return None
    stream = recorded.stream
    customer_id = recorded.customer_id or (id_of(stream) if stream.startswith("customer-") else None)
    return (
        customer_id,
        recorded.event.occurred_at,
        recorded.recorded_at,
        recorded.type,
        summary,
        recorded.actor,
        recorded.source,
        stream,
    )


TIMELINE = ReadModel(
    name="timeline",
    version=2,
    kinds=None,
    journal=Journal(
        name="timeline",
        columns={
            "customer_id": "text",
            "occurred_at": "timestamptz",
            "recorded_at": "timestamptz",
            "type": "text",
            "summary": "text",
            "actor": "text",
            "source": "text",
            "stream": "text",
        },
        row=_entry,
        indexes=("customer_id, occurred_at", "stream"),
    ),
)


class Link(msgspec.Struct, omit_defaults=True):
    """Whose a record turned out to be, whom its entries carry, and when it was heard of first and last."""

    first_at: datetime
    last_at: datetime | None = None
    customer: Register[str | None] = Register(None)
    refunded: Register[str | None] = Register(None)
    carried: tuple[str | None, ...] = ()

    @property
    def whose(self) -> str | None:
        """The customer that the record names, or, of a guest's, the one that a refund names."""
        return self.refunded.value if self.customer.value is None else self.customer.value


def _known(state: Link | None, recorded: Recorded) -> Link:
    """Take in that a customer was known by then: of several such facts perhaps only the oldest is recorded."""
    after = _since(state, recorded)
    after.customer = Register(id_of(recorded.stream))
    return after


def _of_customer(state: Link | None, recorded: Recorded) -> Link:
    after = _known(state, recorded)
    after.last_at = _later(after.last_at, recorded.event.occurred_at)
    return after


def _of_record(state: Link | None, recorded: Recorded) -> Link:
    event: Any = recorded.event
    after = _since(state, recorded)
    after.last_at = _later(after.last_at, event.occurred_at)
    if recorded.customer_id not in after.carried:
        after.carried = (*after.carried, recorded.customer_id)
    named: str | None = getattr(event, "customer_id", None)
    if named is None and not isinstance(event, _LINKS):
        return after
    at = stamp(event.occurred_at, getattr(event, "sequence", 0))
    if isinstance(event, RefundIssued):
        after.refunded = after.refunded.offer(named, at)
    else:
        after.customer = after.customer.offer(named, at)
    return after


def _since(state: Link | None, recorded: Recorded) -> Link:
    at = recorded.event.occurred_at
    after = Link(at) if state is None else copy(state)
    after.first_at = min(after.first_at, at)
    return after


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


_LINKS = (DealLinkedToCustomer, LeadLinkedToCustomer, OrderLinkedToCustomer)
_CORRECTIONS: set[type[Event]] = {EventsWithdrawn, PersonalDataErased, RefundLinkedToOrder}
_OF_CUSTOMERS: set[type[Event]] = {*get_args(CustomerEvent)} - _CORRECTIONS
_OF_RECORDS: set[type[Event]] = {
    *get_args(DealEvent),
    *get_args(InvoiceEvent),
    *get_args(LeadEvent),
    *get_args(MessageEvent),
    *get_args(OrderEvent),
} - _CORRECTIONS


def _row(state: Link) -> Row:
    astray = any(carried != state.whose for carried in state.carried)
    return (state.whose, state.first_at, state.last_at or state.first_at, astray)


def _whole(unit: str) -> str:
    return unit


LINKS = ReadModel(
    name="links",
    version=3,
    kinds=("customer", "order", "refund", "lead", "deal", "invoice", "message"),
    fold=Fold(
        name="links",
        key="stream",
        columns={
            "customer_id": "text",
            "first_at": "timestamptz",
            "last_at": "timestamptz",
            "astray": "boolean",
        },
        state=Link,
        evolve={
            **dict.fromkeys(_OF_CUSTOMERS, _of_customer),
            **dict.fromkeys((CustomerRegistered, IdentityLinked, IdentityTaken), _known),
            **dict.fromkeys(_OF_RECORDS, _of_record),
        },
        row=_row,
        keyed=_whole,
        indexes=("customer_id", "stream WHERE astray"),
    ),
)
"""Whose each record is, and when it was heard of; `astray`: entries of the timeline carry another customer."""
