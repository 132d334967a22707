"""Facts by hand, for tests of read models."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.event import Event
from domain.order import OrderLine, OrderPlaced, PaymentReceived, RefundIssued
from streams.log import Log
from streams.records import Append, Appended, Change

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def append(
    log: Log, stream: str, events: Sequence[Event], *, tenant: str = "main", customer_id: str | None = None
) -> Appended:
    expected = len(log.stream(tenant, stream))
    change = Change(stream=stream, expected=expected, events=events, customer_id=customer_id)
    return log.append(Append(tenant=tenant, changes=[change], actor="alice", source="test"))


def placed(minutes: float = 0, total: str = "10.00", **given: Any) -> OrderPlaced:
    lines = (OrderLine(sku="A", title="Apple", quantity=Decimal(2), unit_price=Decimal(total) / 2),)
    standard = {"source": "shop", "source_id": "1", "currency": "EUR", "lines": lines}
    return OrderPlaced(occurred_at=at(minutes), total=Decimal(total), **(standard | given))


def paid(
    minutes: float = 1, amount: str = "10.00", payment_id: str = "p1", currency: str = "EUR"
) -> PaymentReceived:
    return PaymentReceived(
        occurred_at=at(minutes), payment_id=payment_id, currency=currency, amount=Decimal(amount)
    )


def refunded(minutes: float = 2, amount: str = "4.00", refund_id: str = "r1", **given: Any) -> RefundIssued:
    standard = {"source": "shop", "source_id": refund_id, "currency": "EUR"}
    return RefundIssued(
        occurred_at=at(minutes), refund_id=refund_id, amount=Decimal(amount), **(standard | given)
    )
