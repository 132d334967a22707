"""One canonical example of every event: Ann's enquiry, deal, order and invoice, and her tenant's configuration."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from domain import (
    customer,
    deal,
    invoice,
    lead,
    message,
    order,
    person,
    pipeline,
    record,
    saved_filter,
    tenant,
)
from domain.event import Event

T0 = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

ANN = "6f6b1f0e-5d0a-5e0f-8f3b-0f6d3a0c1a01"
ANNA = "6f6b1f0e-5d0a-5e0f-8f3b-0f6d3a0c1a02"
LEAD = "6f6b1f0e-5d0a-5e0f-8f3b-0f6d3a0c1a03"
DEAL = "6f6b1f0e-5d0a-5e0f-8f3b-0f6d3a0c1a04"
ORDER = "6f6b1f0e-5d0a-5e0f-8f3b-0f6d3a0c1a05"
REFUND = "6f6b1f0e-5d0a-5e0f-8f3b-0f6d3a0c1a06"


def at(minutes: float = 0) -> datetime:
    """Return a time so many minutes after the story began."""
    return T0 + timedelta(minutes=minutes)


MUG = order.OrderLine(sku="MUG", title="Mug", quantity=Decimal(2), unit_price=Decimal("12.50"))
HOURS = invoice.InvoiceLine(title="Consulting", quantity=Decimal("1.5"), unit_price=Decimal("80.00"))

REGISTERED = customer.CustomerRegistered(occurred_at=at(), source="shop")
NAMED = customer.NameChanged(occurred_at=at(), source="shop", name="Ann Smith")
EMAILED = customer.EmailChanged(occurred_at=at(), source="shop", email="ann@example.org")
LINKED = customer.IdentityLinked(occurred_at=at(), source="shop", kind="email", value="ann@example.org")

CAPTURED = lead.LeadCaptured(
    occurred_at=at(),
    source="website",
    form="contact",
    customer_id=ANN,
    touch=lead.Touch(source="google", medium="cpc", campaign="spring"),
    fields={"message": "Do you ship mugs?"},
)
SUBMITTED = lead.FormSubmitted(
    occurred_at=at(),
    form="contact",
    customer_id=ANN,
    touch=lead.Touch(source="google", medium="cpc", campaign="spring"),
    fields={"message": "Do you ship mugs?"},
)

QUEUED = message.MessageQueued(
    occurred_at=at(5),
    channel="email",
    customer_id=ANN,
    lead_id=LEAD,
    subject="Thank you for your enquiry",
    text="We answer within a working day.",
)

OPENED = deal.DealOpened(
    occurred_at=at(),
    source="app",
    pipeline="sales",
    stage="New",
    title="Mugs for the office",
    owner="olga",
    amount=Decimal("500.00"),
    currency="EUR",
    customer_id=ANN,
)
ENTERED = deal.StageChanged(
    occurred_at=at(60), stage="Proposal", source="app", pipeline_version=1, outcome="open"
)

PLACED = order.OrderPlaced(
    occurred_at=at(),
    source="shop",
    source_id="1001",
    currency="EUR",
    total=Decimal("30.00"),
    lines=(MUG,),
    customer_id=ANN,
    shipping=Decimal("5.00"),
)
PAID = order.PaymentReceived(
    occurred_at=at(1), payment_id="p-1", currency="EUR", amount=Decimal("30.00"), method="card"
)
REFUNDED = order.RefundIssued(
    occurred_at=at(120),
    refund_id=REFUND,
    source="shop",
    source_id="r-1",
    currency="EUR",
    amount=Decimal("12.50"),
    order_id=ORDER,
    customer_id=ANN,
    reason="chipped",
)

ISSUED = invoice.InvoiceIssued(
    occurred_at=at(),
    source="app",
    number="2026-001",
    currency="EUR",
    subtotal=Decimal("120.00"),
    tax=Decimal("22.80"),
    lines=(HOURS,),
    due_on=date(2026, 3, 15),
    customer_id=ANN,
    deal_id=DEAL,
)

DEFINED = pipeline.PipelineDefined(
    occurred_at=at(), name="sales", stages=pipeline.DEFAULT.stages, renamed=(("Lead", "New"),)
)

EVENTS: tuple[Event, ...] = (
    REGISTERED,
    NAMED,
    EMAILED,
    customer.PhoneChanged(occurred_at=at(), source="shop", phone="+49 30 123456"),
    customer.CompanyChanged(occurred_at=at(), source="crm", company="Smith & Sons"),
    customer.CountryChanged(occurred_at=at(), source="shop", country="DE"),
    customer.LifecycleStageChanged(occurred_at=at(5), source="crm", lifecycle_stage="customer"),
    customer.CustomerOwnerAssigned(occurred_at=at(5), source="crm", owner="olga"),
    customer.FieldEmptied(occurred_at=at(), source="shop", field="phone"),
    customer.ProfileConfirmed(
        occurred_at=at(10),
        source="shop",
        owned=("name", "country"),
        plain={"country": "DE"},
        personal={"name": "Ann Smith"},
    ),
    customer.FieldConflictSettled(occurred_at=at(15), field="email"),
    LINKED,
    customer.IdentityTaken(occurred_at=at(), source="shop", kind="phone", value="+4930123456", holder=ANNA),
    customer.ConsentGiven(occurred_at=at(), purpose="newsletter", source="website"),
    customer.ConsentWithdrawn(occurred_at=at(30), purpose="newsletter", source="website"),
    customer.CustomerMerged(occurred_at=at(40), into=ANN, reason="the same person"),
    customer.CustomerUnmerged(occurred_at=at(50), out_of=ANN, reason="mother and daughter"),
    customer.CustomerAbsorbed(occurred_at=at(40), merged=ANNA, reason="the same person"),
    customer.CustomerReleased(occurred_at=at(50), unmerged=ANNA, reason="mother and daughter"),
    CAPTURED,
    SUBMITTED,
    lead.LeadOwnerAssigned(occurred_at=at(5), owner="olga", source="app"),
    lead.LeadQualified(occurred_at=at(10), by="olga"),
    lead.LeadDisqualified(occurred_at=at(20), reason="no budget"),
    lead.LeadConverted(occurred_at=at(30), customer_id=ANN, deal_id=DEAL),
    lead.LeadLinkedToCustomer(occurred_at=at(2), customer_id=ANN),
    OPENED,
    ENTERED,
    deal.DealAmountChanged(occurred_at=at(61), amount=Decimal("450.00"), currency="EUR", source="app"),
    deal.DealOwnerAssigned(occurred_at=at(62), owner="pavel", source="app"),
    deal.DealRetitled(occurred_at=at(63), title="Mugs for two offices", source="app"),
    deal.DealWon(occurred_at=at(90), source="app"),
    deal.DealLost(occurred_at=at(70), source="app", reason="too dear"),
    deal.DealReopened(occurred_at=at(80), source="app"),
    deal.DealLinkedToCustomer(occurred_at=at(64), customer_id=ANN),
    deal.FollowUpScheduled(
        occurred_at=at(65), follow_up_id="f-1", due_on=date(2026, 3, 8), task="Call Ann", owner="olga"
    ),
    deal.FollowUpCompleted(occurred_at=at(66), follow_up_id="f-1"),
    deal.DealActivityRecorded(
        occurred_at=at(67), kind="quote", activity="O_SENT", status="COMPLETE", by="olga", sequence=4
    ),
    PLACED,
    order.OrderRevised(
        occurred_at=at(10),
        currency="EUR",
        total=Decimal("25.00"),
        lines=(MUG,),
        discount=Decimal("5.00"),
        shipping=Decimal("5.00"),
        customer_id=ANN,
    ),
    PAID,
    order.ShipmentSent(occurred_at=at(60), shipment_id="s-1", quantities={"MUG": Decimal(2)}, complete=True),
    order.OrderCancelled(occurred_at=at(90), reason="changed their mind"),
    REFUNDED,
    order.RefundLinkedToOrder(occurred_at=at(95), order_id="o-1"),
    order.OrderLinkedToCustomer(occurred_at=at(95), customer_id=ANN),
    ISSUED,
    invoice.InvoicePaid(occurred_at=at(20), payment_id="p-2", currency="EUR", amount=Decimal("100.00")),
    invoice.InvoiceRefunded(
        occurred_at=at(30), refund_id="r-2", currency="EUR", amount=Decimal("10.00"), reason="goodwill"
    ),
    invoice.InvoiceVoided(occurred_at=at(40), reason="wrong address"),
    QUEUED,
    message.MessageSent(occurred_at=at(6)),
    message.MessageFailed(occurred_at=at(7), reason="mailbox refused"),
    DEFINED,
    tenant.OwnershipDefined(occurred_at=at(), owners={"email": "app", "name": "crm"}),
    tenant.FollowUpRulesDefined(
        occurred_at=at(),
        rules=(tenant.FollowUpRule(pipeline="sales", stage="New", days=5, task="Call back"),),
    ),
    tenant.TimeZoneChosen(occurred_at=at(), time_zone="Europe/Berlin"),
    tenant.LeadHandlingDefined(
        occurred_at=at(),
        owners=("olga", "pavel"),
        pipeline="sales",
        subject="Thank you for your enquiry",
        text="We answer within a working day.",
        forms=("contact",),
    ),
    tenant.ApiKeyCreated(
        occurred_at=at(), key_id="k-1", name="shop", digest="0" * 64, role="service", scopes=("write",)
    ),
    tenant.ApiKeyRevoked(occurred_at=at(100), key_id="k-1", reason="leaked"),
    person.PersonInvited(occurred_at=at(), email="olga@example.org", role="rep", name="Olga"),
    person.PersonRoleChanged(occurred_at=at(10), role="manager"),
    person.PersonRevoked(occurred_at=at(20), reason="left the company"),
    tenant.BatchImported(
        occurred_at=at(),
        batch="b-1",
        mapping="shopify-orders",
        rows=3,
        events=2,
        skipped={"malformed": 1},
        anomalies={"total-mismatch": 1},
    ),
    tenant.BatchUndone(occurred_at=at(10), batch="b-1", events=2, reason="wrong file"),
    tenant.ReadModelRebuilt(
        occurred_at=at(20), name="orders", through=99, rows=3, differing=0, approved=False, reason="drill"
    ),
    tenant.EventSkipped(occurred_at=at(25), name="orders", position=12, reason="a test payment"),
    tenant.ListExported(occurred_at=at(30), list="deals", rows=7, query="q=ann"),
    saved_filter.FilterSaved(
        occurred_at=at(), filter_id="f-1", list="deals", person="olga", name="Mine", query="owner=olga"
    ),
    saved_filter.FilterRemoved(occurred_at=at(5), filter_id="f-1"),
    record.EventsWithdrawn(occurred_at=at(10), versions=(2, 3), reason="wrong file", batch="b-1"),
    record.PersonalDataErased(occurred_at=at(200), reason="asked to be forgotten"),
)
"""An example of every event class, each once."""
