"""Reading: the lists and single records."""

from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Query, Response
from psycopg.rows import dict_row

from api.http.errors import Problem
from api.http.v1 import lists, queries, rows
from api.http.v1.asking import Ask
from api.http.v1.border import PathId
from api.http.v1.documented import read
from api.http.v1.entry import may
from api.http.v1.listing import Listing, Reading, begin, reached, shown

router = APIRouter(prefix="/v1", tags=["reads"])
_customers, _leads, _deals = may("customers:read"), may("leads:read"), may("deals:read")
_orders, _invoices = may("orders:read"), may("invoices:read")
_MONEY = (
    "SELECT currency, orders, gross, refunds, refunded, net FROM read.customer_money "
    "WHERE customer_id = %s ORDER BY currency"
)
_IDENTITIES = (
    "SELECT kind, value, source, linked_at FROM read.identities WHERE customer_id = %s ORDER BY kind, value"
)
_LINES = (
    "SELECT line, sku, title, quantity, unit_price FROM read.order_lines WHERE order_id = %s ORDER BY line"
)
_REFUNDS = (
    "SELECT refund_id, refunded_at, currency, amount, reason FROM read.refunds "
    "WHERE order_id = %s ORDER BY refunded_at, refund_id"
)


@router.get("/customers", **read(rows.CustomerPage))
def list_customers(
    query: Annotated[queries.CustomerQuery, Query()], ask: Annotated[Ask, _customers]
) -> Response:
    """List customers, the newest first."""
    return lists.CUSTOMERS.answer(ask, query)


@router.get("/customers/{customer_id}", **read(rows.CustomerRecord))
def get_customer(
    customer_id: PathId, query: Annotated[Reading, Query()], ask: Annotated[Ask, _customers]
) -> Response:
    """Show one customer, with money by currency and every identity. A merged one names whom it stands under."""
    parts = {"money": _MONEY, "identities": _IDENTITIES}
    return _record(ask, query, lists.CUSTOMERS, "customer", customer_id, parts)


@router.get("/customers/{customer_id}/timeline", **read(rows.TimelinePage))
def list_timeline(
    customer_id: PathId, query: Annotated[queries.TimelineQuery, Query()], ask: Annotated[Ask, _customers]
) -> Response:
    """List what happened with a customer, the newest first, as sentences."""
    begin(ask, query)
    if not ask.service.exists(ask.caller.tenant, f"customer-{customer_id}"):
        raise _missing("customer")
    return lists.TIMELINE.answer(ask, query, customer_id=customer_id)


@router.get("/leads", **read(rows.LeadPage))
def list_leads(query: Annotated[queries.LeadQuery, Query()], ask: Annotated[Ask, _leads]) -> Response:
    """List leads, the newest first."""
    return lists.LEADS.answer(ask, query)


@router.get("/leads/{lead_id}", **read(rows.LeadRecord))
def get_lead(lead_id: PathId, query: Annotated[Reading, Query()], ask: Annotated[Ask, _leads]) -> Response:
    """Show one lead."""
    return _record(ask, query, lists.LEADS, "lead", lead_id)


@router.get("/deals", **read(rows.DealPage))
def list_deals(query: Annotated[queries.DealQuery, Query()], ask: Annotated[Ask, _deals]) -> Response:
    """List deals, the newest first."""
    return lists.DEALS.answer(ask, query)


@router.get("/deals/{deal_id}", **read(rows.DealRecord))
def get_deal(deal_id: PathId, query: Annotated[Reading, Query()], ask: Annotated[Ask, _deals]) -> Response:
    """Show one deal."""
    return _record(ask, query, lists.DEALS, "deal", deal_id)


@router.get("/orders", **read(rows.OrderPage))
def list_orders(query: Annotated[queries.OrderQuery, Query()], ask: Annotated[Ask, _orders]) -> Response:
    """List orders, the newest first."""
    return lists.ORDERS.answer(ask, query)


@router.get("/orders/{order_id}", **read(rows.OrderRecord))
def get_order(order_id: PathId, query: Annotated[Reading, Query()], ask: Annotated[Ask, _orders]) -> Response:
    """Show one order with its lines and refunds."""
    return _record(ask, query, lists.ORDERS, "order", order_id, {"lines": _LINES, "refunds": _REFUNDS})


@router.get("/refunds", **read(rows.RefundPage))
def list_refunds(query: Annotated[queries.RefundQuery, Query()], ask: Annotated[Ask, _orders]) -> Response:
    """List refunds, the newest first, also those whose order is not known."""
    return lists.REFUNDS.answer(ask, query)


@router.get("/invoices", **read(rows.InvoicePage))
def list_invoices(
    query: Annotated[queries.InvoiceQuery, Query()], ask: Annotated[Ask, _invoices]
) -> Response:
    """List invoices, the newest first."""
    return lists.INVOICES.answer(ask, query)


@router.get("/invoices/{invoice_id}", **read(rows.InvoiceRecord))
def get_invoice(
    invoice_id: PathId, query: Annotated[Reading, Query()], ask: Annotated[Ask, _invoices]
) -> Response:
    """Show one invoice."""
    return _record(ask, query, lists.INVOICES, "invoice", invoice_id)


def _record(  # noqa: PLR0913, PLR0917 - what a record is shown by
    ask: Ask, query: Reading, listing: Listing, kind: str, ident: str, parts: dict[str, str] | None = None
) -> Response:
    """Return one record with its version as ETag, and its parts, all of one moment. Raises Problem 404."""
    begin(ask, query)
    with ask.service.reads.of(ask.caller.tenant) as connection:
        position = reached(connection)
        row = listing.one(connection, ident)
        if row is None:
            raise _missing(kind)
        row |= {name: _part(connection, question, ident) for name, question in (parts or {}).items()}
    return shown(ask, kind, ident, row, position)


def _part(connection: psycopg.Connection, question: str, ident: str) -> list[dict[str, Any]]:
    return connection.cursor(row_factory=dict_row).execute(question.encode(), (ident,)).fetchall()


def _missing(kind: str) -> Problem:
    return Problem(404, f"{kind}-not-found", f"There is no such {kind}.")
