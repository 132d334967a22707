"""What lists can be asked: a filter a field; what is not here is refused."""

from typing import Annotated, Literal

from pydantic import Field

from api.http.v1.listing import Page, Search

_Text = Annotated[str | None, Field(max_length=320)]


class CustomerQuery(Page):
    """Which customers."""

    q: Search = None
    merged: bool | None = Field(None, description="Only merged ones, or only others.", examples=[False])
    email: _Text = Field(None, examples=["ann@example.org"])
    phone: _Text = None
    company: _Text = None
    country: _Text = Field(None, examples=["GB"])
    lifecycle_stage: _Text = None
    owner: _Text = Field(None, examples=["mara"])


class LeadQuery(Page):
    """Which leads."""

    q: Search = None
    status: Literal["open", "qualified", "disqualified", "converted"] | None = Field(None, examples=["open"])
    form: _Text = Field(None, examples=["contact"])
    owner: _Text = Field(None, examples=["mara"])
    customer_id: _Text = None
    source: _Text = Field(None, examples=["website"])
    source_id: _Text = None


class DealQuery(Page):
    """Which deals."""

    q: Search = None
    pipeline: _Text = Field(None, examples=["sales"])
    stage: _Text = Field(None, examples=["Proposal"])
    owner: _Text = Field(None, examples=["noah"])
    outcome: Literal["open", "won", "lost"] | None = Field(None, examples=["open"])
    customer_id: _Text = None
    source: _Text = None
    source_id: _Text = None


class OrderQuery(Page):
    """Which orders."""

    q: Search = None
    status: _Text = Field(None, examples=["open"])
    payment_status: _Text = Field(None, examples=["paid"])
    fulfilment_status: _Text = Field(None, examples=["unfulfilled"])
    currency: _Text = Field(None, examples=["EUR"])
    customer_id: _Text = None
    source: _Text = Field(None, examples=["shop"])
    source_id: _Text = Field(None, examples=["1001"])


class RefundQuery(Page):
    """Which refunds."""

    q: Search = None
    refund_id: _Text = None
    order_id: _Text = None
    customer_id: _Text = None
    currency: _Text = Field(None, examples=["EUR"])


class InvoiceQuery(Page):
    """Which invoices."""

    q: Search = None
    status: _Text = Field(None, examples=["open"])
    currency: _Text = Field(None, examples=["EUR"])
    number: _Text = Field(None, examples=["2026-0001"])
    customer_id: _Text = None
    order_id: _Text = None
    deal_id: _Text = None
    source: _Text = None
    source_id: _Text = None


class TimelineQuery(Page):
    """Which of the customer's events."""

    q: Search = None
    type: _Text = Field(None, examples=["order-placed.v1"])
    source: _Text = None
