"""Orders: what was bought, paid, shipped, cancelled and refunded, told by the shop in any order.

Every event here is a fact of the shop's: it is recorded even when it looks wrong, and what looks wrong is an
anomaly of the state, so it settles by itself when the missing fact arrives.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar, assert_never

from domain import money
from domain.event import Event, stored
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.register import Register, Stamp, after, stamp

T = TypeVar("T")
ZERO = Decimal(0)
_ROUNDING = Decimal("0.0005")  # unit prices that a source has divided out do not add up to the last digit


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line: a quantity of one article at a unit price in the order's currency."""

    sku: str
    title: str
    quantity: Decimal
    unit_price: Decimal


@stored("order-placed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(Event):
    """A customer, or a guest, ordered; `total` is what they were asked for."""

    source: str
    source_id: str
    currency: str
    total: Decimal
    lines: tuple[OrderLine, ...] = ()
    customer_id: str | None = None
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO


@stored("order-revised.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRevised(Event):
    """The shop told the order anew; `unchanged` says that it told, by another clock, what was known."""

    currency: str
    total: Decimal
    lines: tuple[OrderLine, ...] = ()
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    customer_id: str | None = None
    unchanged: bool = False


@stored("payment-received.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReceived(Event):
    """Money for the order came in; `payment_id` is the source's own and counts once."""

    payment_id: str
    currency: str
    amount: Decimal
    method: str | None = None


@stored("shipment-sent.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentSent(Event):
    """Goods left the house: quantities by sku, or everything (`complete`)."""

    shipment_id: str
    quantities: Mapping[str, Decimal] = field(default_factory=dict)
    complete: bool = False


@stored("order-cancelled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(Event):
    """The order will not be delivered."""

    reason: str | None = None


@stored("refund-issued.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class RefundIssued(Event):
    """Money went back. Without a known order it stands alone in a stream of its own, with `order_id` None."""

    refund_id: str
    source: str
    source_id: str
    currency: str
    amount: Decimal
    order_id: str | None = None
    customer_id: str | None = None
    reason: str | None = None
    lines: tuple[OrderLine, ...] = ()


@stored("order-linked-to-customer.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLinkedToCustomer(Event):
    """A guest order turned out to be this customer's; None takes the link back."""

    customer_id: str | None


@stored("refund-linked-to-order.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLinkedToOrder(Event):
    """The refund, which was told here without its order, is told with this one too, and counts there alone."""

    order_id: str


OrderEvent = (
    OrderPlaced
    | OrderRevised
    | PaymentReceived
    | ShipmentSent
    | OrderCancelled
    | RefundIssued
    | OrderLinkedToCustomer
    | RefundLinkedToOrder
    | PersonalDataErased
    | EventsWithdrawn
)

Anomaly = tuple[str, dict[str, str]]
"""What looks wrong: its kind and the values that show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was ordered, in one piece: the newest telling of it counts."""

    currency: str
    total: Decimal
    lines: tuple[OrderLine, ...] = ()
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount that came in or went back."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What decisions about an order need to know. `told` recognises a fact that is told again."""

    placed_at: datetime | None = None
    content: Register[Content | None] = Register(None)
    customer: Register[str | None] = Register(None)
    payments: Mapping[str, Register[Money]] = field(default_factory=dict)
    refunds: Mapping[str, Register[Money]] = field(default_factory=dict)
    expected: bool = False
    told: frozenset[tuple[object, ...]] = frozenset()


NEW = Order()


def evolve(state: Order, event: OrderEvent) -> Order:  # noqa: PLR0911 - one arm an event
    """Return the state after an event; any order of events gives the same."""
    state = replace(state, told=state.told | _facts(event))
    at = stamp(event.occurred_at)
    match event:
        case OrderPlaced():
            placed_at = min(event.occurred_at, state.placed_at or event.occurred_at)
            placed = replace(state, placed_at=placed_at, content=state.content.offer(content_of(event), at))
            return _linked(placed, event.customer_id, at)
        case OrderRevised():
            revised = replace(state, content=state.content.offer(content_of(event), at))
            return _linked(revised, event.customer_id, at)
        case PaymentReceived(payment_id=payment_id):
            money_in = Money(currency=event.currency, amount=event.amount)
            return replace(state, payments=_told(state.payments, payment_id, money_in, at), expected=True)
        case RefundIssued(refund_id=refund_id, order_id=order_id):
            money_out = Money(currency=event.currency, amount=event.amount)
            refunds = _told(state.refunds, refund_id, money_out, at)
            return replace(state, refunds=refunds, expected=state.expected or order_id is not None)
        case ShipmentSent() | OrderCancelled():
            return replace(state, expected=True)
        case OrderLinkedToCustomer(customer_id=customer_id):
            return replace(state, customer=state.customer.offer(customer_id, at))
        case RefundLinkedToOrder() | PersonalDataErased() | EventsWithdrawn():
            return state
        case _:
            assert_never(event)


def content_of(event: OrderPlaced | OrderRevised) -> Content:
    """Return what a telling of the order says was ordered."""
    return Content(
        currency=event.currency,
        total=event.total,
        lines=event.lines,
        discount=event.discount,
        shipping=event.shipping,
        tax=event.tax,
    )


def _linked(state: Order, customer_id: str | None, at: Stamp) -> Order:
    return state if customer_id is None else replace(state, customer=state.customer.offer(customer_id, at))


def _told(
    known: Mapping[str, Register[Money]], ident: str, value: Money, at: Stamp
) -> Mapping[str, Register[Money]]:
    before = known.get(ident)
    return {**known, ident: Register(value, at) if before is None else before.offer(value, at)}


def _facts(event: OrderEvent) -> frozenset[tuple[object, ...]]:
    """Return what makes a telling the same fact when it comes again, whatever event it was recorded as."""
    at = event.occurred_at
    match event:
        case OrderPlaced() | OrderRevised():
            return frozenset({("content", at, content_of(event), event.customer_id)})
        case PaymentReceived() | OrderCancelled() | OrderLinkedToCustomer():
            return frozenset({(type(event), event)})
        case RefundIssued():
            return frozenset({(RefundIssued, replace(event, customer_id=None))})
        case ShipmentSent(shipment_id=ident, quantities=quantities, complete=complete):
            return frozenset({("shipment", at, ident, frozenset(quantities.items()), complete)})
        case RefundLinkedToOrder():
            return frozenset({(RefundLinkedToOrder,)})
        case PersonalDataErased() | EventsWithdrawn():
            return frozenset()
        case _:
            assert_never(event)


def _new(state: Order, event: OrderEvent) -> list[OrderEvent]:
    return [] if _facts(event) <= state.told else [event]


def place(  # noqa: PLR0913 - a fact's fields
    state: Order,
    *,
    source: str,
    source_id: str,
    currency: str,
    total: Decimal,
    lines: tuple[OrderLine, ...] = (),
    customer_id: str | None = None,
    discount: Decimal = ZERO,
    shipping: Decimal = ZERO,
    tax: Decimal = ZERO,
    at: datetime,
) -> list[OrderEvent]:
    """Record how the order stood at `at`: placed, when nothing older is known, else revised.

    Nothing when told before. Raises InvalidValue for an unknown currency or an amount that is no decimal.
    """
    content = _checked(
        Content(currency=currency, total=total, lines=lines, discount=discount, shipping=shipping, tax=tax)
    )
    placed = OrderPlaced(
        occurred_at=at,
        source=source,
        source_id=source_id,
        currency=currency,
        total=content.total,
        lines=content.lines,
        customer_id=customer_id,
        discount=content.discount,
        shipping=content.shipping,
        tax=content.tax,
    )
    if state.placed_at is None or at < state.placed_at:
        return [placed]
    return _new(state, _revision(placed, unchanged=content == state.content.value))


def _revision(placed: OrderPlaced, *, unchanged: bool) -> OrderRevised:
    return OrderRevised(
        occurred_at=placed.occurred_at,
        currency=placed.currency,
        total=placed.total,
        lines=placed.lines,
        discount=placed.discount,
        shipping=placed.shipping,
        tax=placed.tax,
        customer_id=placed.customer_id,
        unchanged=unchanged,
    )


def record_payment(  # noqa: PLR0913 - a fact's fields
    state: Order, *, payment_id: str, currency: str, amount: Decimal, method: str | None = None, at: datetime
) -> list[OrderEvent]:
    """Record money that came in; its id counts once. Raises InvalidValue as `place` does."""
    event = PaymentReceived(
        occurred_at=at,
        payment_id=payment_id,
        currency=money.currency(currency),
        amount=money.amount(amount),
        method=method,
    )
    return _new(state, event)


def record_shipment(
    state: Order,
    *,
    shipment_id: str,
    quantities: Mapping[str, Decimal] | None = None,
    complete: bool = False,
    at: datetime,
) -> list[OrderEvent]:
    """Record goods that left the house. Raises InvalidValue for a quantity that is no finite decimal."""
    checked = {sku: money.amount(quantity, "quantities") for sku, quantity in (quantities or {}).items()}
    event = ShipmentSent(occurred_at=at, shipment_id=shipment_id, quantities=checked, complete=complete)
    return _new(state, event)


def cancel(state: Order, *, reason: str | None = None, at: datetime) -> list[OrderEvent]:
    """Record that the order will not be delivered."""
    return _new(state, OrderCancelled(occurred_at=at, reason=reason))


def refund(  # noqa: PLR0913 - a fact's fields
    state: Order,
    *,
    refund_id: str,
    source: str,
    source_id: str,
    currency: str,
    amount: Decimal,
    order_id: str | None = None,
    customer_id: str | None = None,
    reason: str | None = None,
    lines: tuple[OrderLine, ...] = (),
    at: datetime,
) -> list[OrderEvent]:
    """Record money that went back, for an order known or not; its id counts once for it. Raises as `place`."""
    event = RefundIssued(
        occurred_at=at,
        refund_id=refund_id,
        source=source,
        source_id=source_id,
        currency=money.currency(currency),
        amount=money.amount(amount),
        order_id=order_id,
        customer_id=customer_id,
        reason=reason,
        lines=tuple(map(_checked_line, lines)),
    )
    return _new(state, event)


def link_refund(state: Order, *, order_id: str, at: datetime) -> list[OrderEvent]:
    """Note that a refund told without its order counts with this one; nothing where none was, or that is noted."""
    return _new(state, RefundLinkedToOrder(occurred_at=at, order_id=order_id)) if state.refunds else []


def link_to_customer(state: Order, *, customer_id: str | None, at: datetime) -> list[OrderEvent]:
    """Say whose order it is, whatever was said before; None takes a link back. Nothing when it is so."""
    if customer_id == state.customer.value:
        return []
    at = after(at, state.customer.stamp)
    return [OrderLinkedToCustomer(occurred_at=at, customer_id=customer_id)]


def _checked(content: Content) -> Content:
    return Content(
        currency=money.currency(content.currency),
        total=money.amount(content.total, "total"),
        lines=tuple(map(_checked_line, content.lines)),
        discount=money.amount(content.discount, "discount"),
        shipping=money.amount(content.shipping, "shipping"),
        tax=money.amount(content.tax, "tax"),
    )


def _checked_line(line: OrderLine) -> OrderLine:
    quantity = money.amount(line.quantity, "lines.quantity")
    unit_price = money.amount(line.unit_price, "lines.unit_price")
    if quantity is line.quantity and unit_price is line.unit_price:
        return line
    return replace(line, quantity=quantity, unit_price=unit_price)


class Priced(Protocol):
    """What was ordered, as far as its total goes; however it is kept."""

    @property
    def lines(self) -> Sequence[OrderLine]: ...  # noqa: D102 - as in Content
    @property
    def discount(self) -> Decimal: ...  # noqa: D102
    @property
    def shipping(self) -> Decimal: ...  # noqa: D102
    @property
    def tax(self) -> Decimal: ...  # noqa: D102


def lines_total(content: Priced) -> Decimal | None:
    """Return what the lines, shipping, tax and discount add up to; None for an order told without lines."""
    if not content.lines:
        return None
    goods = sum([line.quantity * line.unit_price for line in content.lines], ZERO)
    return goods + content.shipping + content.tax - content.discount


def anomalies(  # noqa: PLR0913 - plain values, so that any fold can ask
    *,
    placed: bool,
    currency: str | None,
    total: Decimal,
    lines_total: Decimal | None,
    paid: Decimal,
    refunded: Decimal,
    other_currencies: Collection[str] = (),
) -> tuple[Anomaly, ...]:
    """Return what looks wrong about an order that some fact names, from its totals alone.

    `paid` and `refunded` are in the order's currency, `other_currencies` those of other payments and refunds.
    """
    if not placed:
        return (("order-unknown", {}),)
    shown = {"currency": currency or "", "total": str(total)}
    found: list[Anomaly] = []
    if total < 0:
        found.append(("negative-total", shown))
    if lines_total is not None and abs(lines_total - total) >= _ROUNDING:
        found.append(("total-mismatch", {**shown, "lines_total": str(lines_total)}))
    if refunded > max(total, paid, ZERO):
        found.append(("over-refunded", {**shown, "paid": str(paid), "refunded": str(refunded)}))
    if paid - refunded > max(total, ZERO):
        found.append(("overpaid", {**shown, "paid": str(paid), "refunded": str(refunded)}))
    if other_currencies:
        found.append(("currency-mismatch", {**shown, "others": " ".join(sorted(other_currencies))}))
    return tuple(found)


def anomalies_of(state: Order) -> tuple[Anomaly, ...]:
    """Return what looks wrong about an order now; a refund that names no order is not one."""
    content = state.content.value
    if content is None:
        return (("order-unknown", {}),) if state.expected else ()
    moved = [register.value for register in (*state.payments.values(), *state.refunds.values())]
    return anomalies(
        placed=True,
        currency=content.currency,
        total=content.total,
        lines_total=lines_total(content),
        paid=_sum(state.payments, content.currency),
        refunded=_sum(state.refunds, content.currency),
        other_currencies={money.currency for money in moved} - {content.currency},
    )


def _sum(told: Mapping[str, Register[Money]], currency: str) -> Decimal:
    return sum((r.value.amount for r in told.values() if r.value.currency == currency), ZERO)
