"""A grown business for benchmarks of pages: 1,000,000 events, 100,000 deals, one customer with 10,000 events."""

from tests.benchmarks._generated import DEALS, ORDERS, append

BIG = "big"
"""The id of the customer with the most events."""

_CUSTOMERS = """
SELECT i, k, 0 AS place, 'customer-' || c.id AS stream, k + 1 AS version, c.id AS customer_id,
       timestamptz '2025-12-01Z' + i * interval '10 seconds' AS at,
       (ARRAY['customer-registered.v1', 'company-changed.v1', 'country-changed.v1'])[k + 1] AS type,
       CASE k WHEN 0 THEN jsonb_build_object('source', 'shop')
              WHEN 1 THEN jsonb_build_object('source', 'shop', 'company', 'Company ' || i)
              ELSE jsonb_build_object('source', 'crm', 'country', (ARRAY['DE', 'GB', 'NL', 'US'])[i %% 4 + 1])
              END AS data
FROM (SELECT i, CASE i WHEN 0 THEN 'big' ELSE 'c' || i END AS id
      FROM generate_series(0, %(subjects)s * 2 / 5) AS i) AS c,
     generate_series(0, 2) AS k
"""

_BIG = """
SELECT i, k, i * 40 + k AS place, 'order-' || md5('b' || i)::uuid AS stream, k + 1 AS version, 'big' AS customer_id,
       timestamptz '2026-01-01Z' + i * interval '4 minutes' + k * interval '1 hour' AS at,
       (ARRAY['order-placed.v1', 'payment-received.v1', 'shipment-sent.v1', 'refund-issued.v1'])[k + 1] AS type,
       CASE k WHEN 0 THEN jsonb_build_object('source', 'shop', 'source_id', 'B' || i, 'customer_id', 'big',
                              'currency', (ARRAY['EUR', 'USD'])[i %% 2 + 1], 'total', '99.90')
              WHEN 1 THEN jsonb_build_object('payment_id', 'p' || i, 'currency', (ARRAY['EUR', 'USD'])[i %% 2 + 1],
                              'amount', '99.90')
              WHEN 2 THEN jsonb_build_object('shipment_id', 's' || i, 'complete', true)
              ELSE jsonb_build_object('refund_id', 'r' || i, 'source', 'shop', 'source_id', 'Br' || i,
                       'currency', (ARRAY['EUR', 'USD'])[i %% 2 + 1], 'amount', '10.90',
                       'order_id', md5('b' || i)::uuid) END AS data
FROM generate_series(1, 2500) AS i, generate_series(0, 3) AS k
"""

_OWNED = DEALS.replace(
    "NULL AS customer_id", "CASE i %% 5000 WHEN 0 THEN 'big' ELSE 'c' || i %% 40000 END AS customer_id"
).replace(
    "'title', 'Deal ' || i,",
    "'title', 'Deal ' || i, 'customer_id', CASE i %% 5000 WHEN 0 THEN 'big' ELSE 'c' || i %% 40000 END,",
)
_BOUGHT = ORDERS.replace("generate_series(1, %(subjects)s)", "generate_series(1, %(subjects)s / 4)")


def grow(conninfo: str, deals: int = 100_000) -> int:
    """Append the business to an empty log; return how many events there are."""
    return append(
        conninfo, " UNION ALL ".join(f"({part})" for part in (_OWNED, _BOUGHT, _CUSTOMERS, _BIG)), deals
    )
