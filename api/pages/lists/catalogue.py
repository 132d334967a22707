"""The lists there are."""

from collections.abc import Mapping

from api.http.v1.listing import (
    DEALS_SEARCHED,
    OF_REFUND,
    OTHERWISE_CALLED,
    STORED_DEALS,
    STORED_INVOICES,
    STORED_LEADS,
    STORED_ORDERS,
    Stored,
    searched,
)
from api.pages.lists.definition import Choice, Column, ListPage

_WHOSE = Column("customer", "Customer", "person")
_WHOSE_ID = Column("customer_id", "Customer id", compact=False)
_SOURCE = (Column("source", "Source", compact=False), Column("source_id", "Source id", compact=False))
_FLAGS = Column("anomalies", "Looks wrong", "flags")
_CALLED = (
    '(s.name COLLATE "default" ILIKE %(q)s OR s.email ILIKE %(q)s OR s.company COLLATE "default" ILIKE %(q)s)'
)
_OF_CUSTOMER = (
    "customer_id IN (WITH called AS MATERIALIZED (SELECT coalesce(m.canonical_id, s.customer_id) AS id "
    f"FROM model.customers s LEFT JOIN read.merges m ON m.customer_id = s.customer_id WHERE {_CALLED}) "
    "SELECT id FROM called "
    "UNION ALL SELECT m.customer_id FROM read.merges m JOIN called ON called.id = m.canonical_id)"
)

LEADS = ListPage(
    name="leads",
    title="Leads",
    one="lead",
    action="leads:read",
    view="read.leads",
    stored=STORED_LEADS,
    key="lead_id",
    at="captured_at",
    address="/leads/",
    columns=(
        Column("form", "Form", "title", sorts=True),
        _WHOSE,
        Column("status", "Status", "status", sorts=True),
        Column("owner", "Owner", sorts=True),
        Column("captured_at", "Captured", "time", sorts=True),
        Column("first_source", "First source"),
        Column("first_medium", "First medium", compact=False),
        Column("first_campaign", "First campaign"),
        Column("last_source", "Last source", compact=False),
        Column("last_medium", "Last medium", compact=False),
        Column("last_campaign", "Last campaign", compact=False),
        Column("converted_at", "Converted", "time", sorts=True),
        Column("deal_id", "Deal", "record", compact=False),
        _FLAGS,
        _WHOSE_ID,
        Column("lead_id", "Lead id", compact=False),
        *_SOURCE,
    ),
    choices=(
        Choice("status", "Status", "status", ("open", "qualified", "disqualified", "converted")),
        Choice("form", "Form", "form"),
        Choice("owner", "Owner", "owner"),
        Choice("first_source", "First source", "first_source"),
    ),
    search=(searched("form"), "source_id ILIKE %(q)s", _OF_CUSTOMER),
    empty="Enquiries appear here as soon as a form, an import or the API brings one.",
)

CUSTOMERS = ListPage(
    name="customers",
    title="Customers",
    one="customer",
    action="customers:read",
    view="read.customers",
    stored=Stored("model.customers", "merged_into IS NULL"),
    key="customer_id",
    at="registered_at",
    address="/customers/",
    columns=(
        Column("name", "Name", "title", sorts=True),
        Column("company", "Company", sorts=True),
        Column("email", "E-mail", sorts=True),
        Column("phone", "Phone", compact=False),
        Column("country", "Country", sorts=True),
        Column("lifecycle_stage", "Lifecycle", "status", sorts=True),
        Column("owner", "Account manager", sorts=True),
        Column("registered_at", "Known since", "time", sorts=True),
        Column("last_seen_at", "Last event", "time"),
        _FLAGS,
        Column("customer_id", "Customer id", compact=False),
    ),
    choices=(
        Choice("lifecycle_stage", "Lifecycle", "lifecycle_stage"),
        Choice("country", "Country", "country"),
        Choice("owner", "Account manager", "owner"),
        Choice(
            "attention",
            "Needs attention",
            conditions={
                "conflict": "anomalies ? 'field-conflict'",
                "duplicate": "anomalies ? 'identity-taken'",
            },
        ),
    ),
    search=(
        'name COLLATE "default" ILIKE %(q)s',
        "email ILIKE %(q)s",
        "phone ILIKE %(q)s",
        'company COLLATE "default" ILIKE %(q)s',
        OTHERWISE_CALLED,
    ),
    empty="Customers appear here as soon as an order, a form, an import or the API names one.",
)

DEALS = ListPage(
    name="deals",
    title="Deals",
    one="deal",
    action="deals:read",
    view="read.deals",
    stored=STORED_DEALS,
    kept="model.stage_totals",
    kept_by=frozenset({"outcome", "pipeline", "stage", "owner"}),
    key="deal_id",
    at="opened_at",
    address="/deals/",
    columns=(
        Column("title", "Deal", "title", sorts=True),
        _WHOSE,
        Column("pipeline", "Pipeline", compact=False),
        Column("stage", "Stage", "status", sorts=True),
        Column("outcome", "Outcome", "status"),
        Column("amount", "Amount", "money", sorts=True),
        Column("currency", "Currency", compact=False),
        Column("owner", "Owner", sorts=True),
        Column("next_follow_up_on", "Next step", "day", sorts=True),
        Column("opened_at", "Opened", "time", sorts=True),
        Column("closed_at", "Closed", "time", sorts=True),
        _FLAGS,
        Column("lost_reason", "Lost because", compact=False),
        _WHOSE_ID,
        Column("deal_id", "Deal id", compact=False),
        *_SOURCE,
    ),
    choices=(
        Choice("outcome", "Outcome", "outcome", ("open", "won", "lost")),
        Choice("pipeline", "Pipeline", "pipeline"),
        Choice("stage", "Stage", "stage"),
        Choice("owner", "Owner", "owner"),
    ),
    search=(DEALS_SEARCHED, _OF_CUSTOMER),
    sums=("amount",),
    empty="Deals appear here when one is opened, on the board, by an import or by the API.",
)

ORDERS = ListPage(
    name="orders",
    title="Orders",
    one="order",
    action="orders:read",
    view="read.orders",
    stored=STORED_ORDERS,
    key="order_id",
    at="placed_at",
    address="/orders/",
    columns=(
        Column("source_id", "Order", "title", sorts=True),
        _WHOSE,
        Column("placed_at", "Placed", "time", sorts=True),
        Column("status", "Status", "status"),
        Column("payment_status", "Payment", "status"),
        Column("fulfilment_status", "Delivery", "status"),
        Column("total", "Total", "money", sorts=True),
        Column("paid", "Paid", "money", sorts=True),
        Column("refunded", "Refunded", "money", sorts=True),
        Column("currency", "Currency", compact=False),
        _FLAGS,
        _WHOSE_ID,
        Column("order_id", "Order id", compact=False),
        Column("source", "Source", compact=False),
    ),
    choices=(
        Choice("status", "Status", "status", ("open", "cancelled")),
        Choice(
            "payment_status",
            "Payment",
            "payment_status",
            ("unpaid", "partly-paid", "paid", "partly-refunded", "refunded"),
        ),
        Choice(
            "fulfilment_status",
            "Delivery",
            "fulfilment_status",
            ("unfulfilled", "partly-fulfilled", "fulfilled"),
        ),
        Choice("currency", "Currency", "currency"),
        Choice("source", "Source", "source"),
        Choice("attention", "Needs attention", conditions={"anomaly": "anomalies <> '[]'"}),
    ),
    search=("source_id ILIKE %(q)s", _OF_CUSTOMER),
    sums=("total", "paid", "refunded"),
    empty="Orders appear here as soon as a shop, an import or the API tells one.",
)

REFUNDS = ListPage(
    name="refunds",
    title="Refunds",
    one="refund",
    action="orders:read",
    view="read.refunds",
    key="refund_id",
    tie=OF_REFUND,
    at="refunded_at",
    address="/refunds/",
    columns=(
        Column("reason", "Reason", "title", sorts=True),
        _WHOSE,
        Column("refunded_at", "Refunded", "time", sorts=True),
        Column("amount", "Amount", "money", sorts=True),
        Column("currency", "Currency", compact=False),
        Column("order_id", "Order", "record"),
        Column("order", "Order number", compact=False),
        _WHOSE_ID,
        Column("refund_id", "Refund id", compact=False),
    ),
    choices=(
        Choice("currency", "Currency", "currency"),
        Choice("order", "Order", conditions={"known": "order_id IS NOT NULL", "unknown": "order_id IS NULL"}),
        Choice(
            "customer",
            "Customer",
            conditions={"known": "customer_id IS NOT NULL", "unknown": "customer_id IS NULL"},
        ),
    ),
    search=(searched("reason"), "refund_id ILIKE %(q)s", _OF_CUSTOMER),
    sums=("amount",),
    kinds=("order", "refund"),
    empty="Money given back appears here, also where nobody knows for which order.",
)

INVOICES = ListPage(
    name="invoices",
    title="Invoices",
    one="invoice",
    action="invoices:read",
    view="read.invoices",
    stored=STORED_INVOICES,
    key="invoice_id",
    at="issued_at",
    address="/invoices/",
    columns=(
        Column("number", "Invoice", "title", sorts=True),
        _WHOSE,
        Column("issued_at", "Issued", "time", sorts=True),
        Column("due_at", "Due on", "day", sorts=True),
        Column("status", "Status", "status"),
        Column("subtotal", "Subtotal", "money", compact=False),
        Column("tax", "Tax", "money", compact=False),
        Column("total", "Total", "money", sorts=True),
        Column("paid", "Paid", "money", sorts=True),
        Column("due", "Due", "money", sorts=True),
        Column("currency", "Currency", compact=False),
        Column("order_id", "Order", "record", compact=False),
        Column("deal_id", "Deal", "record", compact=False),
        _FLAGS,
        _WHOSE_ID,
        Column("invoice_id", "Invoice id", compact=False),
        *_SOURCE,
    ),
    choices=(
        Choice("status", "Status", "status", ("open", "partly-paid", "paid", "void")),
        Choice("currency", "Currency", "currency"),
        Choice("late", "Overdue", conditions={"yes": "due > 0 AND due_at < now()"}),
    ),
    search=("number ILIKE %(q)s", "source_id ILIKE %(q)s", _OF_CUSTOMER),
    sums=("total", "paid", "due"),
    empty="Invoices appear here when one is issued.",
)

LISTS: Mapping[str, ListPage] = {
    one.name: one for one in (LEADS, CUSTOMERS, DEALS, ORDERS, REFUNDS, INVOICES)
}
"""Every list by its name, which is its address, too."""
