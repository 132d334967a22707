"""Facts by hand, for tests of read models."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.customer import (
    CustomerAbsorbed,
    CustomerMerged,
    CustomerRegistered,
    EmailChanged,
    IdentityLinked,
    NameChanged,
)
from domain.deal import DealOpened, StageChanged
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


def placed(
    minutes: float = 0, total: str = "10.00", *, customer_id: str | None = None, currency: str = "EUR"
) -> OrderPlaced:
    line = OrderLine(sku="A", title="Apple", quantity=Decimal(2), unit_price=Decimal(total) / 2)
    return OrderPlaced(
        occurred_at=at(minutes),
        source="shop",
        source_id="1",
        currency=currency,
        total=Decimal(total),
        lines=(line,),
        customer_id=customer_id,
    )


def paid(
    minutes: float = 1, amount: str = "10.00", payment_id: str = "p1", currency: str = "EUR"
) -> PaymentReceived:
    return PaymentReceived(
        occurred_at=at(minutes), payment_id=payment_id, currency=currency, amount=Decimal(amount)
    )


def refunded(
    minutes: float = 2,
    amount: str = "4.00",
    refund_id: str = "r1",
    *,
    order_id: str | None = None,
    customer_id: str | None = None,
) -> RefundIssued:
    return RefundIssued(
        occurred_at=at(minutes),
        refund_id=refund_id,
        source="shop",
        source_id=refund_id,
        currency="EUR",
        amount=Decimal(amount),
        order_id=order_id,
        customer_id=customer_id,
    )


def known(name: str, email: str, minutes: float = 0) -> list[Event]:
    return [
        CustomerRegistered(occurred_at=at(minutes), source="shop"),
        NameChanged(occurred_at=at(minutes), name=name, source="shop"),
        EmailChanged(occurred_at=at(minutes), email=email, source="shop"),
        IdentityLinked(occurred_at=at(minutes), kind="email", value=email, source="shop"),
    ]


def merge(log: Log, loser: str, survivor: str, minutes: float = 100, tenant: str = "main") -> None:
    merged = CustomerMerged(occurred_at=at(minutes), into=survivor, reason="one person")
    absorbed = CustomerAbsorbed(occurred_at=at(minutes), merged=loser, reason="one person")
    append(log, f"customer-{loser}", [merged], tenant=tenant, customer_id=loser)
    append(log, f"customer-{survivor}", [absorbed], tenant=tenant, customer_id=survivor)


def opened(
    minutes: float = 0, stage: str = "New", amount: str | None = "100.00", pipeline: str = "sales"
) -> DealOpened:
    return DealOpened(
        occurred_at=at(minutes),
        source="crm",
        pipeline=pipeline,
        stage=stage,
        title="A deal",
        amount=None if amount is None else Decimal(amount),
        currency=None if amount is None else "EUR",
    )


def moved(minutes: float, stage: str, sequence: int = 0) -> StageChanged:
    return StageChanged(occurred_at=at(minutes), stage=stage, source="crm", sequence=sequence)
