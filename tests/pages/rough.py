"""A business as unkind to a layout as what people type and services report: long, foreign, huge, nothing, negative."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from commands.command import (
    CaptureLead,
    ChangeAmount,
    ChooseTimeZone,
    DefineFollowUps,
    DefineLeadHandling,
    DefineOwnership,
    DefinePipeline,
    ForgetCustomer,
    GiveConsent,
    IssueInvoice,
    LoseDeal,
    MergeCustomers,
    OpenDeal,
    RecordCancellation,
    RecordCustomer,
    RecordInvoicePayment,
    RecordOrder,
    RecordPayment,
    SaveFilter,
    ScheduleFollowUp,
    WithdrawConsent,
)
from domain.customer import Profile
from domain.invoice import InvoiceLine
from domain.order import OrderLine
from domain.pipeline import DEFAULT
from domain.tenant import FollowUpRule
from tests.pages.browsing import Site
from tests.pages.business import T0, days, refund, shown, tell

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
LONG = "The refurbishment of all meeting rooms on the third and fourth floor, lamps and desks and chairs included"
ARABIC = "شركة المصابيح الحديثة للتجارة والمقاولات"
EMOJI = "👩🏽‍💻 Lamps & Söhne 🏳️‍🌈 «Ещё»"
OWNER = "Maximiliane-Alexandra von Hohenstein-Württemberg"
HUGE = Decimal("123456789012345678.99")
SMALL = Decimal("0.00000001")


class Rough(NamedTuple):
    """The ids of what was told."""

    customer: str
    double: str
    nobody: str
    forgotten: str
    merged: str
    deal: str
    lead: str
    order: str
    invoice: str
    refund: str
    loose_refund: str
    loose_order: str
    event: int


def rough(site: Site) -> Rough:
    """Tell the tenant a business whose every text and number is a hard one; return the ids of one of each."""
    tell(
        site,
        "backstory",
        DefineOwnership(owners={"name": "crm", "email": "shop"}),
        DefinePipeline(name="sales", stages=DEFAULT.stages),
        ChooseTimeZone(time_zone="America/Argentina/ComodRivadavia"),
        DefineFollowUps(
            rules=tuple(
                FollowUpRule(pipeline="sales", stage=stage, days=100_000, task=task)
                for stage, task in (("New", LONG), ("Negotiation", f"{WORD} {EMOJI}"), ("Proposal", ARABIC))
            )
        ),
        DefineLeadHandling(
            owners=(OWNER, WORD, ARABIC),
            pipeline="sales",
            subject=LONG,
            text=f"{WORD}\n\n{' '.join([LONG] * 8)}\n{ARABIC}",
            forms=(WORD, EMOJI, LONG),
        ),
    )
    address = f"{WORD.encode('ascii', 'ignore').decode().lower()}@example.org"
    [customer] = tell(
        site,
        "crm",
        RecordCustomer(
            profile=Profile(
                email=address,
                name=WORD,
                company=LONG,
                phone="+49 30 123456789012",
                country="DE",
                lifecycle_stage="customer",
                owner=OWNER,
            ),
            occurred_at=T0,
        ),
    )
    tell(
        site,
        "a-very-long-name-of-a-service-that-tells-things",
        RecordCustomer(profile=Profile(email=address, name=ARABIC, company=EMOJI), occurred_at=days(0.5)),
    )
    [double] = tell(
        site, "crm", RecordCustomer(profile=Profile(email="e@example.org", name=EMOJI), occurred_at=T0)
    )
    [nobody] = tell(site, "crm", RecordCustomer(profile=Profile(phone="+49 30 1234567"), occurred_at=T0))
    orders = tell(
        site,
        "shop",
        *(
            _order(f"#{WORD[:40]}-{number}", amount, currency, address)
            for number, (amount, currency) in enumerate(
                (
                    (HUGE, "EUR"),
                    (Decimal("-12.50"), "EUR"),
                    (Decimal(0), "USD"),
                    (SMALL, "GBP"),
                    (Decimal(1000000), "JPY"),
                    (Decimal("1.234"), "KWD"),
                )
            )
        ),
    )
    [loose, _, _, given_back, loose_refund, _] = tell(
        site,
        "shop",
        _order("loose", Decimal(10), "EUR", None),
        _paid(f"#{WORD[:40]}-0", HUGE - 1, "EUR"),
        _paid(f"#{WORD[:40]}-5", Decimal("1.234"), "KWD"),
        refund("r-1", "98765432109876543.21", of=f"#{WORD[:40]}-0", day=5, reason=LONG),
        refund("r-2", "0.50", of=None, email=address, day=5, reason=EMOJI),
        RecordCancellation(order_source_id=f"#{WORD[:40]}-4", reason=LONG, occurred_at=days(9)),
    )
    deals = tell(
        site,
        "backstory",
        OpenDeal(
            title=LONG,
            pipeline="sales",
            stage="New",
            amount=HUGE,
            currency="EUR",
            owner=OWNER,
            customer_id=customer,
        ),
        OpenDeal(
            title=WORD, pipeline="sales", stage="New", company=WORD, owner=WORD[:60], occurred_at=_ago(400)
        ),
        OpenDeal(
            title=ARABIC,
            pipeline="sales",
            stage="Qualified",
            company=ARABIC,
            amount=Decimal(0),
            currency="USD",
            occurred_at=_ago(10),
        ),
        OpenDeal(
            title=EMOJI,
            pipeline="sales",
            stage="Qualified",
            amount=SMALL,
            currency="GBP",
            owner="jo",
            customer_id=double,
        ),
        OpenDeal(title="x", pipeline="sales", stage="Proposal", amount=Decimal(-5), currency="EUR"),
        OpenDeal(title="Five currencies", pipeline="sales", stage="New", amount=Decimal(1), currency="JPY"),
        OpenDeal(title="Five currencies", pipeline="sales", stage="New", amount=Decimal(1), currency="CHF"),
        OpenDeal(title="Five currencies", pipeline="sales", stage="New", amount=Decimal(1), currency="SEK"),
        OpenDeal(
            title=f"Lost {LONG}",
            pipeline="sales",
            stage="New",
            amount=HUGE,
            currency="EUR",
            customer_id=customer,
            owner=OWNER,
        ),
    )
    tell(
        site,
        "backstory",
        LoseDeal(deal_id=deals[-1], reason=LONG),
        ChangeAmount(deal_id=deals[0], amount=HUGE - 1, currency="EUR"),
        ScheduleFollowUp(deal_id=deals[0], follow_up_id="f", due_on=date(2026, 1, 31), task=LONG),
        SaveFilter(list="board", person="mara", name=WORD[:60], query="owner=-", shared=True),
        SaveFilter(list="board", person="mara", name=ARABIC, query="least=1000", shared=True),
        GiveConsent(customer_id=customer, purpose=LONG, occurred_at=days(1)),
        WithdrawConsent(customer_id=customer, purpose="newsletter", occurred_at=days(2)),
    )
    [lead] = tell(
        site,
        "website",
        CaptureLead(
            form=WORD,
            profile=Profile(email=address),
            fields={WORD: WORD, "message": " ".join([LONG] * 8), ARABIC: EMOJI},
            occurred_at=days(0.2),
        ),
    )
    invoices = tell(
        site,
        "backstory",
        IssueInvoice(
            number=f"2026-{WORD}",
            customer_id=customer,
            currency="EUR",
            subtotal=HUGE - 1,
            tax=Decimal("0.50"),
            due_on=date(2026, 3, 31),
            lines=(InvoiceLine(title=LONG, quantity=Decimal("0.333"), unit_price=HUGE),),
            occurred_at=days(7),
        ),
        IssueInvoice(
            number="2026-0",
            customer_id=customer,
            currency="USD",
            subtotal=Decimal(0),
            tax=Decimal(0),
            occurred_at=days(8),
        ),
    )
    tell(
        site,
        "backstory",
        RecordInvoicePayment(invoice_id=invoices[0], payment_id="p", currency="EUR", amount=Decimal("1.50")),
    )
    merged, other, forgotten = tell(
        site,
        "crm",
        *(
            RecordCustomer(
                profile=Profile(email=f"{name[:4]}-{len(name)}@example.org", name=name), occurred_at=T0
            )
            for name in (WORD[:40], WORD[40:], "Gone")
        ),
    )
    tell(
        site,
        "backstory",
        MergeCustomers(loser=other, survivor=merged, reason=LONG),
        ForgetCustomer(customer_id=forgotten, reason=LONG),
    )
    shown(site)
    return Rough(
        customer=customer,
        double=double,
        nobody=nobody,
        forgotten=forgotten,
        merged=merged,
        deal=deals[0],
        lead=lead,
        order=orders[0],
        invoice=invoices[0],
        refund=given_back,
        loose_refund=loose_refund,
        loose_order=loose,
        event=site.log.head() - 1,
    )


def _ago(count: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=count)


def _order(number: str, amount: Decimal, currency: str, email: str | None) -> RecordOrder:
    lines = (
        OrderLine(sku=WORD, title=LONG, quantity=Decimal("1234.5678"), unit_price=amount),
        OrderLine(sku="S", title=ARABIC, quantity=Decimal(1), unit_price=Decimal(0)),
    )
    return RecordOrder(
        source_id=number,
        currency=currency,
        total=amount,
        lines=lines,
        profile=None if email is None else Profile(email=email),
        occurred_at=days(3),
    )


def _paid(order: str, amount: Decimal, currency: str) -> RecordPayment:
    return RecordPayment(
        order_source_id=order,
        payment_id=f"p-{order}",
        currency=currency,
        amount=amount,
        method="bank-transfer",
        occurred_at=days(4),
    )
