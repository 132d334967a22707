"""The rows of the lists, as documents: money as exact texts, times in UTC."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from api.http.v1.shapes import Shape

Amount = str


class Row(Shape):
    """What every row has: the position of the last event that touched it, and what looks wrong."""

    position: int
    anomalies: Any = Field(None, description="What looks wrong.")


class PageShape(Shape):
    """What every list answers: rows, the cursor of the next page, the position that the list stands at."""

    next: str | None
    position: int


class CustomerRow(Row):
    """A customer; `merged_into` is who stands for it."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    country: str | None
    lifecycle_stage: str | None
    owner: str | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    registered_at: datetime | None
    merged_into: str | None
    erased_at: datetime | None


class CustomerPage(PageShape):
    """A page of customers."""

    data: list[CustomerRow]


class MoneyRow(Shape):
    """A customer's money in one currency: net is gross less refunded."""

    currency: str
    orders: int
    gross: Amount
    refunds: int
    refunded: Amount
    net: Amount


class IdentityRow(Shape):
    """A name by which a source knows the customer."""

    kind: str
    value: str | None
    source: str
    linked_at: datetime | None


class CustomerRecord(CustomerRow):
    """A customer with money, identities and version."""

    money: list[MoneyRow]
    identities: list[IdentityRow]
    version: int


class TimelineRow(Shape):
    """An event as a sentence."""

    position: int
    occurred_at: datetime
    recorded_at: datetime
    type: str
    summary: str
    actor: str
    source: str
    stream: str


class TimelinePage(PageShape):
    """A page of a customer's timeline."""

    data: list[TimelineRow]


class LeadRow(Row):
    """An enquiry."""

    lead_id: str
    customer_id: str | None
    captured_at: datetime
    form: str | None
    status: str
    owner: str | None
    first_source: str | None
    first_medium: str | None
    first_campaign: str | None
    last_source: str | None
    last_medium: str | None
    last_campaign: str | None
    converted_at: datetime | None
    deal_id: str | None
    source: str | None
    source_id: str | None
    fields: dict[str, str] | None


class LeadPage(PageShape):
    """A page of leads."""

    data: list[LeadRow]


class LeadRecord(LeadRow):
    """A lead with its version."""

    version: int


class DealRow(Row):
    """An opportunity."""

    deal_id: str
    customer_id: str | None
    pipeline: str | None
    stage: str | None
    title: str | None
    owner: str | None
    amount: Amount | None
    currency: str | None
    opened_at: datetime
    stage_since: datetime | None
    closed_at: datetime | None
    outcome: str
    lost_reason: str | None
    company: str | None
    next_follow_up_on: date | None
    lead_id: str | None
    source: str | None
    source_id: str | None


class DealPage(PageShape):
    """A page of deals."""

    data: list[DealRow]


class DealRecord(DealRow):
    """A deal with its version."""

    version: int


class OrderRow(Row):
    """An order; `total` is what the customer was asked for."""

    order_id: str
    customer_id: str | None
    source: str | None
    source_id: str | None
    placed_at: datetime | None
    currency: str
    total: Amount | None
    paid: Amount
    refunded: Amount
    status: str
    payment_status: str
    fulfilment_status: str


class OrderPage(PageShape):
    """A page of orders."""

    data: list[OrderRow]


class OrderLineRow(Shape):
    """A line of an order."""

    line: int
    sku: str
    title: str
    quantity: Amount
    unit_price: Amount


class OrderRefundRow(Shape):
    """A refund of an order."""

    refund_id: str
    refunded_at: datetime
    currency: str
    amount: Amount
    reason: str | None


class OrderRecord(OrderRow):
    """An order with lines, refunds and version."""

    lines: list[OrderLineRow]
    refunds: list[OrderRefundRow]
    version: int


class RefundRow(OrderRefundRow):
    """A refund, of an order if it is known which, of a customer if it is known whose."""

    order_id: str | None
    customer_id: str | None
    position: int


class RefundPage(PageShape):
    """A page of refunds."""

    data: list[RefundRow]


class InvoiceRow(Row):
    """An invoice; due is subtotal plus tax less what was paid, plus what was refunded."""

    invoice_id: str
    customer_id: str | None
    order_id: str | None
    deal_id: str | None
    number: str | None
    issued_at: datetime | None
    due_at: datetime | None
    currency: str
    subtotal: Amount | None
    tax: Amount | None
    total: Amount | None
    paid: Amount
    due: Amount | None
    status: str
    source: str | None
    source_id: str | None


class InvoicePage(PageShape):
    """A page of invoices."""

    data: list[InvoiceRow]


class InvoiceRecord(InvoiceRow):
    """An invoice with its version."""

    version: int


class BoardColumn(Shape):
    """The deals of one stage in one currency (null: those without an amount)."""

    pipeline: str | None
    stage: str | None
    stage_order: int | None
    currency: str | None
    deals: int
    amount: Amount
    weighted: Amount
    oldest_since: datetime | None
    probability: Amount | None
    outcome: str | None


class BoardShape(Shape):
    """A board's columns, and the position that they stand at."""

    data: list[BoardColumn]
    position: int


class StageShape(Shape):
    """A stage."""

    name: str
    outcome: str
    probability: Amount
    requires: list[str]
    limit_days: int | None
    enters_from: list[str] | None


class PipelineShape(Shape):
    """A pipeline's rules in force, and their version (0: those everyone begins with)."""

    name: str
    stages: list[StageShape]
    renamed: dict[str, str]
    version: int
