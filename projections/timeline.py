"""The timeline: a sentence for everything that happened, and to which customer."""

from datetime import datetime

import msgspec

from domain.deal import DealLinkedToCustomer, DealOpened
from domain.ids import id_of
from domain.invoice import InvoiceIssued
from domain.lead import FormSubmitted, LeadCaptured, LeadConverted, LeadLinkedToCustomer
from domain.order import OrderLinkedToCustomer, OrderPlaced, OrderRevised
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
    version=1,
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


class Link(msgspec.Struct, frozen=True):
    """Whose a record turned out to be."""

    customer: Register[str | None]
    since: datetime


def _linked(state: Link | None, recorded: Recorded) -> Link | None:
    """Take in what an event says about whose the record is.

    A record that begins with its customer needs no link: every later event of its stream carries the customer.
    """
    event = recorded.event
    if not isinstance(event, _TELLS):
        raise TypeError(type(event).__name__)
    if isinstance(event, _MAY_TELL) and (
        event.customer_id is None or (state is None and recorded.version == 1)
    ):
        return state
    at = stamp(event.occurred_at)
    if state is None:
        return Link(Register(event.customer_id, at), event.occurred_at)
    return Link(state.customer.offer(event.customer_id, at), min(state.since, event.occurred_at))


_MAY_TELL = (
    DealOpened,
    FormSubmitted,
    InvoiceIssued,
    LeadCaptured,
    LeadConverted,
    OrderPlaced,
    OrderRevised,
)
_TELLS = (*_MAY_TELL, DealLinkedToCustomer, LeadLinkedToCustomer, OrderLinkedToCustomer)


def _row(state: Link) -> Row:
    return (state.customer.value,)


def _whole(unit: str) -> str:
    return unit


LINKS = ReadModel(
    name="links",
    version=1,
    kinds=("order", "lead", "deal", "invoice"),
    fold=Fold(
        name="links",
        key="stream",
        columns={"customer_id": "text"},
        state=Link,
        evolve=dict.fromkeys(_TELLS, _linked),
        row=_row,
        keyed=_whole,
        indexes=("customer_id",),
    ),
)
