"""A small business for the tests of the pages, told through commands: Ann, her double, their deals and money."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from commands.command import (
    CaptureLead,
    Command,
    Context,
    DefineOwnership,
    GiveConsent,
    IssueInvoice,
    MoveToStage,
    OpenDeal,
    RecordCustomer,
    RecordOrder,
    RecordPayment,
    RecordRefund,
)
from commands.handle import handle, handle_many
from domain.customer import Profile
from domain.invoice import InvoiceLine
from domain.order import OrderLine
from tests.pages.browsing import Site

T0 = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def days(count: float) -> datetime:
    return T0 + timedelta(days=count)


def tell(site: Site, source: str, *commands: Command, actor: str = "mara") -> list[str]:
    """Tell many things as one source; return the ids of their records. Nothing is waited for."""
    contexts = [Context(tenant=site.tenant, actor=actor, source=source, now=T0) for _ in commands]
    outcomes = handle_many(site.log, list(zip(commands, contexts, strict=True)))
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return [outcome.id for outcome in outcomes]  # type: ignore[union-attr]


def shown(site: Site) -> None:
    """Wait until the pages show everything that was told."""
    assert site.app.state.service.passed(site.log.head())


def order(
    number: str, total: str, *, email: str | None, currency: str = "EUR", day: float = 1
) -> RecordOrder:
    line = OrderLine(sku="LAMP", title="Lamp", quantity=Decimal(2), unit_price=Decimal(total) / 2)
    return RecordOrder(
        source_id=number,
        currency=currency,
        total=Decimal(total),
        lines=(line,),
        profile=None if email is None else Profile(email=email),
        occurred_at=days(day),
    )


def payment(number: str, amount: str, *, currency: str = "EUR", day: float = 2) -> RecordPayment:
    return RecordPayment(
        order_source_id=number,
        payment_id=f"p-{number}",
        currency=currency,
        amount=Decimal(amount),
        occurred_at=days(day),
    )


def refund(  # noqa: PLR0913 - all but the first two by name
    ident: str,
    amount: str,
    *,
    of: str | None,
    email: str | None = None,
    day: float = 3,
    reason: str = "broken",
) -> RecordRefund:
    return RecordRefund(
        source_id=ident,
        order_source_id=of,
        profile=None if email is None else Profile(email=email),
        currency="EUR",
        amount=Decimal(amount),
        reason=reason,
        occurred_at=days(day),
    )


def ann(site: Site) -> str:
    """Tell Ann's story: an enquiry, a deal, orders in two currencies, refunds, an invoice, a conflict."""
    handle(
        site.log,
        DefineOwnership(owners={"name": "crm", "email": "shop"}),
        Context(tenant=site.tenant, actor="mara", source="backstory", now=T0),
    )
    [ident] = tell(
        site,
        "crm",
        RecordCustomer(profile=Profile(email="ann@example.org", name="Ann Example"), occurred_at=T0),
    )
    tell(
        site,
        "shop",
        RecordCustomer(
            profile=Profile(email="ann@example.org", name="Anne Example", company="Lamps & Co"),
            occurred_at=days(0.5),
        ),
        order("1001", "120.00", email="ann@example.org"),
        payment("1001", "100.00"),
        refund("r-1", "20.50", of="1001"),
        order("1002", "80.00", email="ann@example.org", currency="USD", day=4),
        refund("r-2", "5.00", of=None, email="ann@example.org", day=5),
    )
    tell(
        site,
        "website",
        CaptureLead(form="contact", profile=Profile(email="ann@example.org"), occurred_at=days(0.2)),
        GiveConsent(customer_id=ident, purpose="newsletter", occurred_at=days(0.3)),
    )
    [deal] = tell(
        site,
        "backstory",
        OpenDeal(
            title="Lamps for the office",
            pipeline="sales",
            stage="New",
            amount=Decimal("900.00"),
            currency="EUR",
            customer_id=ident,
            occurred_at=days(6),
        ),
    )
    tell(
        site,
        "backstory",
        MoveToStage(deal_id=deal, stage="Qualified"),
        IssueInvoice(
            number="2026-7",
            customer_id=ident,
            currency="EUR",
            subtotal=Decimal("100.00"),
            tax=Decimal("19.00"),
            lines=(InvoiceLine(title="Lamps", quantity=Decimal(1), unit_price=Decimal("100.00")),),
            occurred_at=days(7),
        ),
    )
    shown(site)
    return ident


def double(site: Site) -> str:
    """Tell of Ann's second record, under another address."""
    [ident] = tell(
        site,
        "crm",
        RecordCustomer(profile=Profile(email="a.example@example.net", name="A. Example"), occurred_at=T0),
    )
    tell(
        site,
        "shop",
        order("2001", "40.00", email="a.example@example.net", day=1),
        refund("r-3", "1.00", of="2001"),
    )
    shown(site)
    return ident
