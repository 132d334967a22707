"""Orders: what was bought, paid, shipped, cancelled and refunded, told by the shop in any order.

Every event here is a fact of the shop's: it is recorded even when it looks wrong, and what looks wrong is an
anomaly of the state, so it settles by itself when the missing fact arrives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from domain.event import Event, stored
from domain.record import EventsWithdrawn, PersonalDataErased

ZERO = Decimal(0)


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
    """The shop changed the lines or the total of an order after it was placed."""

    currency: str
    total: Decimal
    lines: tuple[OrderLine, ...] = ()
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO


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


