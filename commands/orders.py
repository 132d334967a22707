"""Orders: what shops report of them, in whatever order they say so."""

from commands.command import (
    Context,
    LinkOrderToCustomer,
    RecordCancellation,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
)
from commands.customers import find_or_register
from commands.desk import Desk
from commands.names import REFUND, named, order_named
from domain import order
from domain.customer import CustomerNotFound
from domain.errors import InvalidValue
from domain.ids import id_of


def record(desk: Desk, command: RecordOrder, context: Context) -> str:
    """Record an order as the shop tells it."""
    customer_id = find_or_register(desk, command.profile, context, command.occurred_at)
    stream = named("order", context, command.source_id)
    events = order.place(
        desk.state(stream),
        source=context.source,
        source_id=command.source_id,
        currency=command.currency,
        total=command.total,
        lines=command.lines,
        customer_id=customer_id,
        discount=command.discount,
        shipping=command.shipping,
        tax=command.tax,
        at=command.occurred_at,
    )
    desk.append(stream, events, customer_id=customer_id)
    _note(desk, stream)
    return id_of(stream)


def record_payment(desk: Desk, command: RecordPayment, context: Context) -> str:
    """Record money received."""
    stream = _reported(command, context)
    events = order.record_payment(
        desk.state(stream),
        payment_id=command.payment_id,
        currency=command.currency,
        amount=command.amount,
        method=command.method,
        at=command.occurred_at,
    )
    desk.append(stream, events)
    _note(desk, stream)
    return id_of(stream)


def record_shipment(desk: Desk, command: RecordShipment, context: Context) -> str:
    """Record goods sent."""
    stream = _reported(command, context)
    events = order.record_shipment(
        desk.state(stream),
        shipment_id=command.shipment_id,
        quantities=command.quantities,
        complete=command.complete,
        at=command.occurred_at,
    )
    desk.append(stream, events)
    _note(desk, stream)
    return id_of(stream)


def record_cancellation(desk: Desk, command: RecordCancellation, context: Context) -> str:
    """Record that the shop cancelled its order."""
    stream = _reported(command, context)
    desk.append(stream, order.cancel(desk.state(stream), reason=command.reason, at=command.occurred_at))
    _note(desk, stream)
    return id_of(stream)


def record_refund(desk: Desk, command: RecordRefund, context: Context) -> str:
    """Record money given back: in its order's stream when the shop says which order, else in one of its own.

    Of a refund told in both ways its own stream is linked to the order, whichever telling comes first: it counts once.
    Told of two orders it counts for each, which is answered as an anomaly.
    """
    customer_id = find_or_register(desk, command.profile, context, command.occurred_at)
    refund = named("refund", context, command.source_id)
    known = order_named(command, context)
    stream = known or refund
    events = order.refund(
        desk.state(stream),
        refund_id=id_of(refund),
        source=context.source,
        source_id=command.source_id,
        currency=command.currency,
        amount=command.amount,
        order_id=None if known is None else id_of(stream),
        customer_id=customer_id,
        reason=command.reason,
        lines=command.lines,
        at=command.occurred_at,
    )
    desk.append(stream, events, customer_id=customer_id)
    holder = desk.holder(REFUND, id_of(refund))
    if known is not None:
        _note(desk, stream)
        if holder is None:
            desk.claim(REFUND, id_of(refund), stream)
        elif holder != stream:
            desk.draft.anomalies.add("refund-of-two-orders")
    if (counts_in := known or holder) is not None:
        linked = order.link_refund(desk.state(refund), order_id=id_of(counts_in), at=command.occurred_at)
        desk.append(refund, linked)
    return id_of(refund)


def link_to_customer(desk: Desk, command: LinkOrderToCustomer, context: Context) -> str:
    """Say whose a guest's order is, or take that back."""
    stream = f"order-{command.order_id}"
    desk.expect(stream, context.expected)
    if command.customer_id is not None and desk.load(f"customer-{command.customer_id}").version == 0:
        raise CustomerNotFound(customer_id=command.customer_id)
    events = order.link_to_customer(desk.state(stream), customer_id=command.customer_id, at=context.now)
    desk.append(stream, events, customer_id=command.customer_id)
    return command.order_id


def _reported(command: RecordPayment | RecordShipment | RecordCancellation, context: Context) -> str:
    stream = order_named(command, context)
    if stream is None:
        raise InvalidValue(field="order_source_id", rule="the order that the report is about")
    return stream


def _note(desk: Desk, stream: str) -> None:
    desk.draft.anomalies |= {kind for kind, _ in order.anomalies_of(desk.state(stream))}
