"""Invoices: asking for money, and what becomes of it."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api import lengths
from api.http.v1.asking import Ask, referred
from api.http.v1.border import (
    Body,
    Currency,
    Day,
    Exact,
    Ident,
    Instant,
    Name,
    PathId,
    Source,
    Text,
    examples,
)
from api.http.v1.documented import written
from api.http.v1.entry import may
from api.http.v1.people import ProfileBody, profile_of
from api.http.v1.strict import StrictRoute
from commands.command import IssueInvoice, RecordInvoicePayment, RecordInvoiceRefund, VoidInvoice
from domain.invoice import InvoiceLine

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["invoices"])
_ask = may("invoices:write")
_OF_INVOICE = {"source", "invoice_source_id"}
_AT = {"occurred_at": "2026-03-10T10:00:00Z"}


class InvoiceLineBody(Body):
    """A quantity at a unit price, before tax."""

    title: Annotated[str, StringConstraints(max_length=lengths.TITLE)]
    quantity: Exact
    unit_price: Exact


class InvoiceBody(Body):
    """What a customer is asked to pay: `subtotal + tax`. With `source_id` it is that record of the source's."""

    source: Source | None = Field(None, description="The system that speaks; by default the key's.")
    source_id: Ident | None = None
    number: Name | None = None
    currency: Currency
    subtotal: Exact
    tax: Exact
    lines: list[InvoiceLineBody] = Field([], max_length=1000)
    due_on: Day | None = None
    customer: ProfileBody | None = None
    customer_id: Name | None = Field(
        None, description="Our id of a customer; what `customer` says is then not heard."
    )
    order_id: Name | None = None
    deal_id: Name | None = None
    occurred_at: Instant | None = None

    model_config = examples(
        {
            "number": "2026-0001",
            "currency": "EUR",
            "subtotal": "100.00",
            "tax": "19.00",
            "due_on": "2026-03-31",
            "lines": [{"title": "Consulting", "quantity": 1, "unit_price": "100.00"}],
            "customer": {"email": "ann@example.org"},
            "occurred_at": "2026-03-01T09:30:00Z",
        }
    )

    def command(self) -> IssueInvoice:
        """Return what is asked."""
        plain = self.model_dump(exclude={"customer", "source", "lines"})
        lines = tuple(InvoiceLine(**line.model_dump()) for line in self.lines)
        return IssueInvoice(**plain, lines=lines, profile=profile_of(self.customer))


class InvoicePaymentBody(Body):
    """Money that came in; its id counts once."""

    source: Source | None = None
    payment_id: Ident
    currency: Currency
    amount: Exact
    occurred_at: Instant | None = None

    model_config = examples({"payment_id": "p-1", "currency": "EUR", "amount": "119.00"} | _AT)

    def command(self, invoice_id: str) -> RecordInvoicePayment:
        """Return what is reported."""
        return RecordInvoicePayment(invoice_id=invoice_id, **self.model_dump(exclude=_OF_INVOICE))


class InvoiceRefundBody(Body):
    """Money that went back; its id counts once."""

    source: Source | None = None
    refund_id: Ident
    currency: Currency
    amount: Exact
    reason: Text | None = None
    occurred_at: Instant | None = None

    model_config = examples({"refund_id": "r-1", "currency": "EUR", "amount": "19.00"} | _AT)

    def command(self, invoice_id: str) -> RecordInvoiceRefund:
        """Return what is reported."""
        return RecordInvoiceRefund(invoice_id=invoice_id, **self.model_dump(exclude=_OF_INVOICE))


class VoidBody(Body):
    """Why the invoice counts as never sent."""

    reason: Text

    model_config = examples({"reason": "sent twice"})


@router.post("/invoices", **written(versioned=False))
async def issue_invoice(body: InvoiceBody, ask: Annotated[Ask, _ask]) -> Response:
    """Ask a customer to pay."""
    refers = referred(customer_id=body.customer_id, order_id=body.order_id, deal_id=body.deal_id)
    return await ask.do(body.command(), source=body.source, refers=refers, versioned=False)


@router.post("/invoices/{invoice_id}/payments", **written())
async def record_invoice_payment(
    invoice_id: PathId, body: InvoicePaymentBody, ask: Annotated[Ask, _ask]
) -> Response:
    """Record money received for an invoice."""
    return await ask.do(body.command(invoice_id), source=body.source, existing=f"invoice-{invoice_id}")


@router.post("/invoices/{invoice_id}/refunds", **written())
async def record_invoice_refund(
    invoice_id: PathId, body: InvoiceRefundBody, ask: Annotated[Ask, _ask]
) -> Response:
    """Record money given back for an invoice."""
    return await ask.do(body.command(invoice_id), source=body.source, existing=f"invoice-{invoice_id}")


@router.post("/invoices/{invoice_id}/void", **written())
async def void_invoice(invoice_id: PathId, body: VoidBody, ask: Annotated[Ask, _ask]) -> Response:
    """Take an invoice back."""
    return await ask.do(
        VoidInvoice(invoice_id=invoice_id, reason=body.reason), existing=f"invoice-{invoice_id}"
    )
