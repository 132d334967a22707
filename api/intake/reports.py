"""What services report: the type of each CloudEvent, and the command that its data becomes."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from api.http.v1.border import Body, Currency, Exact, Ident, Instant, Name, Text
from api.http.v1.customers import CustomerBody
from api.http.v1.deals import DealBody
from api.http.v1.invoices import InvoiceBody, InvoicePaymentBody, InvoiceRefundBody
from api.http.v1.leads import LeadBody
from api.http.v1.orders import CancellationBody, OrderBody, PaymentBody, RefundBody, ShipmentBody
from api.http.v1.people import ProfileBody, profile_of
from commands.command import Command, RecordDealActivity, RecordDealChange, RecordLeadProgress
from domain.ids import external_id

_EURO = {"currency": "EUR"}


class DealOpened(DealBody):
    """As POST /v1/deals, with the source's own id."""

    source_id: Ident


class PaymentReceived(PaymentBody):
    """As POST /v1/orders/{order_id}/payments, with the source's own id of the order."""

    order_source_id: Ident


class ShipmentSent(ShipmentBody):
    """As POST /v1/orders/{order_id}/shipments, with the source's own id of the order."""

    order_source_id: Ident


class OrderCancelled(CancellationBody):
    """As POST /v1/orders/{order_id}/cancellation, with the source's own id of the order."""

    order_source_id: Ident


class InvoiceIssued(InvoiceBody):
    """As POST /v1/invoices, with the source's own id."""

    source_id: Ident


class InvoicePaid(InvoicePaymentBody):
    """As POST /v1/invoices/{invoice_id}/payments, with the source's own id of the invoice."""

    invoice_source_id: Ident


class InvoiceRefunded(InvoiceRefundBody):
    """As POST /v1/invoices/{invoice_id}/refunds, with the source's own id of the invoice."""

    invoice_source_id: Ident


class LeadProgressed(Body):
    """What became of the source's lead."""

    source_id: Ident
    progress: Literal["qualified", "disqualified", "converted"]
    owner: Name | None = None
    reason: Text | None = None
    customer: ProfileBody | None = None
    deal_source_id: Ident | None = None
    occurred_at: Instant

    def command(self) -> RecordLeadProgress:
        """Return what is reported."""
        return RecordLeadProgress(**self.model_dump(exclude={"customer"}), profile=profile_of(self.customer))


class DealChanged(Body):
    """What changed about the source's deal, each only if given."""

    source_id: Ident
    stage: Name | None = None
    pipeline: Name | None = None
    owner: Name | None = None
    amount: Exact | None = None
    currency: Currency | None = None
    outcome: Literal["won", "lost", "open"] | None = None
    lost_reason: Text | None = None
    customer: ProfileBody | None = None
    sequence: int = Field(0, ge=0, le=2**31 - 1)
    occurred_at: Instant

    def command(self) -> RecordDealChange:
        """Return what is reported."""
        return RecordDealChange(**self.model_dump(exclude={"customer"}), profile=profile_of(self.customer))


class DealWorkedOn(Body):
    """Work on the source's deal or its quotes."""

    source_id: Ident
    kind: Name
    activity: Name
    status: Name | None = None
    by: Name | None = None
    sequence: int = Field(0, ge=0, le=2**31 - 1)
    occurred_at: Instant

    def command(self) -> RecordDealActivity:
        """Return what is reported."""
        return RecordDealActivity(**self.model_dump())


class Report(NamedTuple):
    """A type of event: its data, the command that this becomes for a tenant, told by a source, and an example."""

    data: type[Body]
    command: Callable[[Any, str, str], Command]
    example: Mapping[str, Any]


def _itself(body: Any, _tenant: str, _source: str) -> Command:  # noqa: ANN401 - any of the schemas
    command: Command = body.command()
    return command


def _of_order(body: Any, _tenant: str, _source: str) -> Command:  # noqa: ANN401 - any of the schemas
    command: Command = body.command(order_source_id=body.order_source_id)
    return command


def _of_invoice(body: Any, tenant: str, source: str) -> Command:  # noqa: ANN401 - any of the schemas
    command: Command = body.command(external_id(tenant, "invoice", source, body.invoice_source_id))
    return command


REPORTS: Mapping[str, Report] = {
    "customer-reported.v1": Report(CustomerBody, _itself, {"source_id": "c", "name": "Ann"}),
    "lead-captured.v1": Report(LeadBody, _itself, {"source_id": "l", "form": "contact"}),
    "lead-progressed.v1": Report(LeadProgressed, _itself, {"source_id": "l", "progress": "qualified"}),
    "deal-opened.v1": Report(DealOpened, _itself, {"source_id": "d", "stage": "New", "title": "Tea"}),
    "deal-changed.v1": Report(
        DealChanged, _itself, {"source_id": "d", "stage": "Proposal", "amount": "5", "currency": "EUR"}
    ),
    "deal-activity-recorded.v1": Report(
        DealWorkedOn, _itself, {"source_id": "d", "kind": "call", "activity": "called"}
    ),
    "order-placed.v1": Report(OrderBody, _itself, {"source_id": "o", "total": "10"} | _EURO),
    "payment-received.v1": Report(
        PaymentReceived, _of_order, {"order_source_id": "o", "payment_id": "p", "amount": "10"} | _EURO
    ),
    "shipment-sent.v1": Report(
        ShipmentSent, _of_order, {"order_source_id": "o", "shipment_id": "s", "complete": True}
    ),
    "order-cancelled.v1": Report(OrderCancelled, _of_order, {"order_source_id": "o"}),
    "refund-issued.v1": Report(
        RefundBody, _of_order, {"source_id": "r", "order_source_id": "o", "amount": "1"} | _EURO
    ),
    "invoice-issued.v1": Report(
        InvoiceIssued, _itself, {"source_id": "i", "subtotal": "10", "tax": "1"} | _EURO
    ),
    "invoice-paid.v1": Report(
        InvoicePaid, _of_invoice, {"invoice_source_id": "i", "payment_id": "p", "amount": "11"} | _EURO
    ),
    "invoice-refunded.v1": Report(
        InvoiceRefunded, _of_invoice, {"invoice_source_id": "i", "refund_id": "r", "amount": "1"} | _EURO
    ),
}
"""Every type of event that is taken."""
