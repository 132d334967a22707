"""The lists that can be read, each a view of schema `read`."""

from api.http.v1.listing import (
    OF_PERSON,
    OF_REFUND,
    STORED_DEALS,
    STORED_INVOICES,
    STORED_LEADS,
    STORED_ORDERS,
    Listing,
    searched,
)


def _equal(*names: str) -> dict[str, str]:
    return {name: OF_PERSON if name == "customer_id" else f"{name} = %({name})s" for name in names}


CUSTOMERS = Listing(
    view="read.customers",
    key="customer_id",
    order="registered_at",
    columns=(
        "customer_id", "name", "email", "phone", "company", "country", "lifecycle_stage", "owner", "first_seen_at",
        "last_seen_at", "registered_at", "merged_into", "erased_at", "anomalies", "position",
    ),
    filters={
        "q": searched("name", "email", "phone", "company"),
        "merged": "(merged_into IS NOT NULL) = %(merged)s",
        **_equal("email", "phone", "company", "country", "lifecycle_stage", "owner"),
    },
)  # fmt: skip

LEADS = Listing(
    view="read.leads",
    stored=STORED_LEADS,
    key="lead_id",
    order="captured_at",
    columns=(
        "lead_id", "customer_id", "captured_at", "form", "status", "owner", "first_source", "first_medium",
        "first_campaign", "last_source", "last_medium", "last_campaign", "converted_at", "deal_id", "source",
        "source_id", "fields", "anomalies", "position",
    ),
    filters={
        "q": searched("form", "owner", "source_id", "fields::text"),
        **_equal("status", "form", "owner", "customer_id", "source", "source_id"),
    },
)  # fmt: skip

DEALS = Listing(
    view="read.deals",
    stored=STORED_DEALS,
    key="deal_id",
    order="opened_at",
    columns=(
        "deal_id", "customer_id", "pipeline", "stage", "title", "owner", "amount", "currency", "opened_at",
        "stage_since", "closed_at", "outcome", "lost_reason", "company", "next_follow_up_on", "lead_id", "source",
        "source_id", "anomalies", "position",
    ),
    filters={
        "q": searched("title", "company", "owner"),
        **_equal("pipeline", "stage", "owner", "outcome", "customer_id", "source", "source_id"),
    },
)  # fmt: skip

ORDERS = Listing(
    view="read.orders",
    stored=STORED_ORDERS,
    key="order_id",
    order="placed_at",
    columns=(
        "order_id", "customer_id", "source", "source_id", "placed_at", "currency", "total", "paid", "refunded",
        "status", "payment_status", "fulfilment_status", "anomalies", "position",
    ),
    filters={
        "q": searched("source_id"),
        **_equal(
            "status", "payment_status", "fulfilment_status", "currency", "customer_id", "source", "source_id"
        ),
    },
)  # fmt: skip

REFUNDS = Listing(
    view="read.refunds",
    key="refund_id",
    tie=OF_REFUND,
    order="refunded_at",
    columns=(
        "refund_id", "order_id", "customer_id", "refunded_at", "currency", "amount", "reason", "position",
    ),
    filters={"q": searched("reason"), **_equal("refund_id", "order_id", "customer_id", "currency")},
)  # fmt: skip

INVOICES = Listing(
    view="read.invoices",
    stored=STORED_INVOICES,
    key="invoice_id",
    order="issued_at",
    columns=(
        "invoice_id", "customer_id", "order_id", "deal_id", "number", "issued_at", "due_at", "currency", "subtotal",
        "tax", "total", "paid", "due", "status", "source", "source_id", "anomalies", "position",
    ),
    filters={
        "q": searched("number", "source_id"),
        **_equal("status", "currency", "customer_id", "order_id", "deal_id", "source", "source_id", "number"),
    },
)  # fmt: skip

TIMELINE = Listing(
    view="read.timeline",
    key="position",
    order="occurred_at",
    columns=("position", "occurred_at", "recorded_at", "type", "summary", "actor", "source", "stream"),
    filters={"q": searched("summary"), **_equal("customer_id", "type", "source")},
)
