"""Orders as the shop told them, with their lines, payments and refunds, and each customer's money."""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from domain.order import (
    Anomaly,
    OrderCancelled,
    OrderLine,
    OrderLinkedToCustomer,
    OrderPlaced,
    OrderRevised,
    PaymentReceived,
    RefundIssued,
    RefundLinkedToOrder,
    ShipmentSent,
    anomalies,
    lines_total,
)
from domain.register import Register, Stamp, stamp
from projections.anomaly import Anomalies, noted, open_kinds
from projections.definition import Fold, Part, ReadModel, Row, Sum
from streams.records import Recorded

V = TypeVar("V")
ZERO = Decimal(0)


class Content(msgspec.Struct, frozen=True):
    """What was ordered; of two tellings at one time the one counts that the domain's Content says."""

    currency: str
    total: Decimal
    lines: tuple[OrderLine, ...] = ()
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO


class Money(msgspec.Struct, frozen=True):
    """An amount that came in."""

    currency: str
    amount: Decimal


class Refund(msgspec.Struct, frozen=True):
    """Money back. Its first fields are those that settle which of two tellings counts, as in the domain."""

    currency: str
    amount: Decimal
    order_id: str | None = None
    customer_id: str | None = None
    reason: str | None = None


class Shipment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods out."""

    quantities: dict[str, Decimal] = {}
    complete: bool = False


class Order(msgspec.Struct, omit_defaults=True):
    """What the fold of one order, or of one refund without an order, remembers; that may count `elsewhere`."""

    placed_at: datetime | None = None
    source: str | None = None
    source_id: str | None = None
    content: Register[Content | None] = Register(None)
    lines_total: Decimal | None = None
    customer: Register[str | None] = Register(None)
    payments: dict[str, Register[Money]] = {}
    shipments: dict[str, Register[Shipment]] = {}
    refunds: dict[str, Register[Refund]] = {}
    cancelled_at: datetime | None = None
    expected: bool = False
    elsewhere: bool = False
    anomalies: Anomalies = {}


def _placed(state: Order | None, recorded: Recorded) -> Order:
    event: OrderPlaced = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Order()
    told = (event.occurred_at, event.source, event.source_id)
    if after.placed_at is None or told < (after.placed_at, after.source or "", after.source_id or ""):
        after.placed_at, after.source, after.source_id = told
    at = stamp(event.occurred_at)
    _hear(after, event, at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    return _checked(after, recorded)


def _revised(state: Order | None, recorded: Recorded) -> Order:
    event: OrderRevised = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Order()
    at = stamp(event.occurred_at)
    _hear(after, event, at)
    if event.customer_id is not None:
        after.customer = after.customer.offer(event.customer_id, at)
    return _checked(after, recorded)


def _hear(after: Order, event: OrderPlaced | OrderRevised, at: Stamp) -> None:
    content = Content(event.currency, event.total, event.lines, event.discount, event.shipping, event.tax)
    newest = after.content.offer(content, at)
    if newest is not after.content:
        after.content = newest
        after.lines_total = lines_total(content)


def _paid(state: Order | None, recorded: Recorded) -> Order:
    event: PaymentReceived = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Order()
    money = Money(event.currency, event.amount)
    after.payments = _told(after.payments, event.payment_id, money, stamp(event.occurred_at))
    after.expected = True
    return _checked(after, recorded)


def _shipped(state: Order | None, recorded: Recorded) -> Order:
    event: ShipmentSent = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Order()
    sent = Shipment(dict(sorted(event.quantities.items())), event.complete)
    after.shipments = _told(after.shipments, event.shipment_id, sent, stamp(event.occurred_at))
    after.expected = True
    return _checked(after, recorded)


def _cancelled(state: Order | None, recorded: Recorded) -> Order:
    after = copy(state) if state else Order()
    at = recorded.event.occurred_at
    after.cancelled_at = at if after.cancelled_at is None else min(after.cancelled_at, at)
    after.expected = True
    return _checked(after, recorded)


def _refunded(state: Order | None, recorded: Recorded) -> Order:
    event: RefundIssued = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Order()
    refund = Refund(event.currency, event.amount, event.order_id, event.customer_id, event.reason)
    after.refunds = _told(after.refunds, event.refund_id, refund, stamp(event.occurred_at))
    after.expected = after.expected or event.order_id is not None
    return _checked(after, recorded)


def _linked(state: Order | None, recorded: Recorded) -> Order:
    event: OrderLinkedToCustomer = recorded.event  # type: ignore[assignment]
    after = copy(state) if state else Order()
    after.customer = after.customer.offer(event.customer_id, stamp(event.occurred_at))
    return after


def _counted_elsewhere(state: Order | None, _recorded: Recorded) -> Order:
    after = copy(state) if state else Order()
    after.elsewhere = True
    return after


def _told(known: dict[str, Register[V]], ident: str, value: V, at: Stamp) -> dict[str, Register[V]]:
    before = known.get(ident)
    return {**known, ident: Register(value, at) if before is None else before.offer(value, at)}


def _checked(state: Order, recorded: Recorded) -> Order:
    if state.anomalies or not _sound(state):
        state.anomalies = noted(state.anomalies, dict(_anomalies(state)), recorded)
    return state


def _sound(state: Order) -> bool:
    """Say whether nothing can be wrong with the order, the short way; False leaves it to the domain to say."""
    content = state.content.value
    if content is None or state.refunds or content.total < ZERO:
        return False
    if state.lines_total is not None and state.lines_total != content.total:
        return False
    left = content.total
    for told in state.payments.values():
        money = told.value
        if money.currency != content.currency:
            return False
        left -= money.amount
    return left >= ZERO


def _anomalies(state: Order) -> Iterable[Anomaly]:
    content = state.content.value
    if content is None:
        return (("order-unknown", {}),) if state.expected else ()
    currency = content.currency
    return anomalies(
        placed=True,
        currency=currency,
        total=content.total,
        lines_total=state.lines_total,
        paid=_sum(state.payments, currency),
        refunded=_sum(state.refunds, currency),
        other_currencies={r.value.currency for r in _moved(state)} - {currency},
    )


def _moved(state: Order) -> Iterator[Register[Money] | Register[Refund]]:
    yield from state.payments.values()
    yield from state.refunds.values()


def _sum(told: Mapping[str, Register[Money]] | Mapping[str, Register[Refund]], currency: str) -> Decimal:
    if not told:
        return ZERO
    return sum([r.value.amount for r in told.values() if r.value.currency == currency], ZERO)


def _row(state: Order) -> Row:
    content = state.content.value
    if content is None:
        return (state.customer.value, *[None] * 10, _refunds_told(state), open_kinds(state.anomalies))
    paid, refunded = _sum(state.payments, content.currency), _sum(state.refunds, content.currency)
    return (
        state.customer.value,
        state.source,
        state.source_id,
        state.placed_at,
        content.currency,
        content.total,
        paid,
        refunded,
        "cancelled" if state.cancelled_at else "open",
        _payment_status(content.total, paid, refunded),
        _fulfilment_status(content, state.shipments),
        _refunds_told(state),
        open_kinds(state.anomalies),
    )


def _refunds_told(state: Order) -> str | None:
    """Return every refund as the view of refunds reads it, with the microsecond it went back; None without any."""
    if not state.refunds or state.elsewhere:
        return None
    told = [
        {"refund_id": ident, "micros": refund.stamp[0], **msgspec.structs.asdict(refund.value)}
        for ident, refund in sorted(state.refunds.items())
    ]
    return msgspec.json.encode(told).decode()


def _payment_status(total: Decimal, paid: Decimal, refunded: Decimal) -> str:
    if refunded > ZERO:
        return "refunded" if refunded >= max(paid, total) else "partly-refunded"
    if paid >= total:
        return "paid"
    return "partly-paid" if paid > ZERO else "unpaid"


def _fulfilment_status(content: Content, shipments: Mapping[str, Register[Shipment]]) -> str:
    if not shipments:
        return "unfulfilled"
    if any(told.value.complete for told in shipments.values()):
        return "fulfilled"
    left: dict[str, Decimal] = {}
    for line in content.lines:
        left[line.sku] = left.get(line.sku, ZERO) + line.quantity
    for told in shipments.values():
        for sku, quantity in told.value.quantities.items():
            left[sku] = left.get(sku, ZERO) - quantity
    wanting = any(quantity > ZERO for quantity in left.values())
    return "partly-fulfilled" if wanting or not left else "fulfilled"


def _money(state: Order) -> Iterator[Part]:
    customer, content = state.customer.value, state.content.value
    if customer is not None and content is not None:
        yield (customer, content.currency), (1, content.total, 0, ZERO)
    for told in () if state.elsewhere else state.refunds.values():
        if (whose := customer or told.value.customer_id) is not None:
            yield (whose, told.value.currency), (0, ZERO, 1, told.value.amount)


ORDERS = ReadModel(
    name="orders",
    version=2,
    kinds=("order", "refund"),
    shown_as=("order_lines", "refunds"),
    fold=Fold(
        name="orders",
        key="order_id",
        columns={
            "customer_id": "text",
            "source": "text",
            "source_id": "text",
            "placed_at": "timestamptz",
            "currency": "text",
            "total": "numeric",
            "paid": "numeric",
            "refunded": "numeric",
            "status": "text",
            "payment_status": "text",
            "fulfilment_status": "text",
            "told_refunds": "jsonb",
            "anomalies": "jsonb",
        },
        state=Order,
        evolve={
            OrderPlaced: _placed,
            OrderRevised: _revised,
            PaymentReceived: _paid,
            ShipmentSent: _shipped,
            OrderCancelled: _cancelled,
            RefundIssued: _refunded,
            RefundLinkedToOrder: _counted_elsewhere,
            OrderLinkedToCustomer: _linked,
        },
        row=_row,
        indexes=("customer_id", "placed_at", "customer_id WHERE told_refunds IS NOT NULL"),
    ),
    sums=(
        Sum(
            name="customer_money",
            key={"customer_id": "text", "currency": "text"},
            numbers={"orders": "bigint", "gross": "numeric", "refunds": "bigint", "refunded": "numeric"},
            parts=_money,
        ),
    ),
)
