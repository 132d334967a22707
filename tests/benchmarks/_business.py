"""Customers for benchmarks of pages: many who ordered now and then, and one with 10,000 events."""

import psycopg

from tests.benchmarks._generated import ORDERS, append

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

_LEADS = """
SELECT i, k, i * 2 + k AS place, 'lead-' || md5('l' || i)::uuid AS stream, k + 1 AS version,
       'c' || i %% (%(subjects)s / 5) AS customer_id,
       timestamptz '2026-01-01Z' + i * interval '9 seconds' + k * interval '1 hour' AS at,
       (ARRAY['lead-captured.v1', 'lead-owner-assigned.v1'])[k + 1] AS type,
       CASE k WHEN 0 THEN jsonb_build_object('source', 'website', 'form', 'form ' || i %% 5,
                              'customer_id', 'c' || i %% (%(subjects)s / 5),
                              'touch', jsonb_build_object('source', (ARRAY['google', 'bing', 'friend'])[i %% 3 + 1],
                                           'campaign', 'campaign ' || i %% 12))
              ELSE jsonb_build_object('source', 'website', 'owner', 'owner' || i %% 37) END AS data
FROM generate_series(1, %(subjects)s) AS i, generate_series(0, i %% 2) AS k
"""

_ALL = " UNION ALL ".join(f"({part})" for part in (ORDERS, _CUSTOMERS, _LEADS, _BIG))


def customers(conninfo: str, orders: int) -> int:
    """Append so many orders and leads of two fifths as many customers, and one customer with 10,000 events.

    Returns how many events that is.
    """
    return append(conninfo, _ALL, orders)


def middle(conninfo: str) -> int:
    """Return the position of an event in the middle of the story of the customer with the most."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT position FROM log.events WHERE tenant = 'main' AND customer_id = %s "
            "ORDER BY occurred_at, position OFFSET 5000 LIMIT 1",
            (BIG,),
        ).fetchone()
    return int(row[0]) if row else 0
