"""How the tests of commands ask: one context, one tenant, a clock that stands still."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from commands.command import Context, RecordOrder, RecordPayment, RecordRefund
from domain.customer import Profile
from domain.order import OrderLine

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def context(
    command_id: str | None = None,
    *,
    tenant: str = "main",
    source: str = "shop",
    batch: str | None = None,
    expected: int | None = None,
) -> Context:
    return Context(
        tenant=tenant,
        actor="test",
        source=source,
        now=NOW,
        command_id=command_id,
        expected=expected,
        correlation_id=f"import:{batch}" if batch else None,
    )


def an_order(source_id: str = "1001", *, total: str = "20.00", profile: Profile | None = None) -> RecordOrder:
    line = OrderLine(sku="LAMP", title="Lamp", quantity=Decimal(2), unit_price=Decimal("10.00"))
    return RecordOrder(
        source_id=source_id,
        currency="EUR",
        total=Decimal(total),
        lines=(line,),
        profile=profile,
        occurred_at=NOW - timedelta(days=1),
    )


def a_payment(order: str = "1001", *, payment: str = "p1", amount: str = "20.00") -> RecordPayment:
    return RecordPayment(
        order_source_id=order, payment_id=payment, currency="EUR", amount=Decimal(amount), occurred_at=NOW
    )


def a_refund(refund: str = "r1", *, order: str | None = "1001", amount: str = "5.00") -> RecordRefund:
    return RecordRefund(
        source_id=refund, order_source_id=order, currency="EUR", amount=Decimal(amount), occurred_at=NOW
    )
