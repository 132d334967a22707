"""Many events at once, for benchmarks: one set-based INSERT each, positions and head as the log would give them."""

import psycopg

_COLUMNS = (
    "position, tenant, stream, version, type, event_id, customer_id, partition, occurred_at, recorded_at, actor, "
    "source, data"
)

_DEALS = """
SELECT i, k, i + k * 1500 AS place, 'deal-' || md5('d' || i)::uuid AS stream, k + 1 AS version, NULL AS customer_id,
       timestamptz '2026-01-01Z' + i * interval '7 seconds' + k * interval '1 day' AS at,
       CASE k WHEN 0 THEN 'deal-opened.v1' WHEN 2 THEN 'deal-amount-changed.v1' WHEN 4 THEN 'deal-owner-assigned.v1'
              WHEN 7 THEN CASE i %% 3 WHEN 0 THEN 'deal-lost.v1' ELSE 'deal-won.v1' END
              ELSE 'stage-changed.v1' END AS type,
       CASE k WHEN 0 THEN jsonb_build_object('source', 'crm', 'source_id', i::text, 'pipeline', 'sales',
                              'stage', 'New', 'title', 'Deal ' || i, 'owner', 'owner' || i %% 40)
              WHEN 2 THEN jsonb_build_object('source', 'crm', 'amount', (100 + i %% 9000)::text || '.50',
                              'currency', 'EUR', 'sequence', k)
              WHEN 4 THEN jsonb_build_object('source', 'crm', 'owner', 'owner' || i %% 37, 'sequence', k)
              WHEN 7 THEN jsonb_build_object('source', 'crm', 'sequence', k)
              ELSE jsonb_build_object('source', 'crm', 'sequence', k, 'pipeline_version', 1,
                       'outcome', CASE WHEN k < 6 THEN 'open' WHEN i %% 3 = 0 THEN 'lost' ELSE 'won' END,
                       'stage', CASE k WHEN 1 THEN 'Qualified' WHEN 3 THEN 'Proposal' WHEN 5 THEN 'Negotiation'
                                     ELSE CASE i %% 3 WHEN 0 THEN 'Lost' ELSE 'Won' END END)
              END AS data
FROM generate_series(1, %(subjects)s) AS i, generate_series(0, 7) AS k
"""

ORDERS = """
SELECT i, k, i + (ARRAY[0, 40, 400, 2000])[k + 1] AS place, 'order-' || md5('o' || i)::uuid AS stream,
       k + 1 AS version, 'c' || i %% (%(subjects)s / 5) AS customer_id,
       timestamptz '2026-01-01Z' + i * interval '7 seconds' + k * interval '1 hour' AS at,
       (ARRAY['order-placed.v1', 'payment-received.v1', 'shipment-sent.v1', 'refund-issued.v1'])[k + 1] AS type,
       CASE k WHEN 0 THEN jsonb_build_object('source', 'shop', 'source_id', i::text, 'currency', 'EUR',
                              'total', (20 + i %% 500)::text || '.90', 'customer_id', 'c' || i %% (%(subjects)s / 5),
                              'lines', jsonb_build_array(
                                  jsonb_build_object('sku', 'A' || i %% 900, 'title', 'Article ' || i %% 900,
                                      'quantity', '1', 'unit_price', (10 + i %% 500)::text || '.90'),
                                  jsonb_build_object('sku', 'B', 'title', 'Box', 'quantity', '2', 'unit_price', '5')))
              WHEN 1 THEN jsonb_build_object('payment_id', 'p' || i, 'currency', 'EUR',
                              'amount', (20 + i %% 500)::text || '.90', 'method', 'card')
              WHEN 2 THEN jsonb_build_object('shipment_id', 's' || i, 'complete', true)
              ELSE jsonb_build_object('refund_id', 'r' || i, 'source', 'shop', 'source_id', 'r' || i,
                       'currency', 'EUR', 'amount', '10.90', 'order_id', md5('o' || i)::uuid) END AS data
FROM generate_series(1, %(subjects)s) AS i, generate_series(0, CASE i %% 4 WHEN 0 THEN 3 ELSE 2 END) AS k
"""


_BOARD = """
SELECT i, k, i * 10 + k * 9000 AS place, 'deal-' || md5('d' || i)::uuid AS stream, k + 1 AS version,
       NULL AS customer_id,
       date_trunc('day', now()) - interval '400 days' + i * interval '5 minutes' + k * interval '4 days' AS at,
       CASE WHEN k = 0 THEN 'deal-opened.v1'
            WHEN k IN (2, 5, 7) THEN 'deal-amount-changed.v1'
            WHEN k = 9 AND NOT open THEN CASE i %% 3 WHEN 0 THEN 'deal-lost.v1' ELSE 'deal-won.v1' END
            WHEN moves THEN 'stage-changed.v1'
            ELSE 'deal-owner-assigned.v1' END AS type,
       CASE WHEN k = 0 THEN jsonb_build_object('source', 'crm', 'source_id', i::text, 'pipeline', 'sales',
                              'stage', 'New', 'title', 'Deal ' || i, 'owner', 'owner' || i %% 40)
            WHEN k IN (2, 5, 7) THEN jsonb_build_object('source', 'crm', 'sequence', k,
                              'amount', (100 + i %% 9000)::text || '.50',
                              'currency', CASE i %% 10 WHEN 0 THEN 'USD' ELSE 'EUR' END)
            WHEN k = 9 AND NOT open THEN jsonb_build_object('source', 'crm', 'sequence', k)
            WHEN moves THEN jsonb_build_object('source', 'crm', 'sequence', k, 'pipeline_version', 1,
                       'outcome', CASE WHEN k < 8 THEN 'open' WHEN i %% 3 = 0 THEN 'lost' ELSE 'won' END,
                       'stage', CASE k WHEN 1 THEN 'Qualified' WHEN 4 THEN 'Proposal' WHEN 6 THEN 'Negotiation'
                                     ELSE CASE i %% 3 WHEN 0 THEN 'Lost' ELSE 'Won' END END)
            ELSE jsonb_build_object('source', 'crm', 'owner', 'owner' || (i * 7 + k) %% 37, 'sequence', k)
            END AS data
FROM (SELECT i, k, i %% 5 < 2 AS open,
             CASE WHEN i %% 5 < 2 THEN coalesce(i %% 4 >= array_position(ARRAY[1, 4, 6], k), false)
                  ELSE k IN (1, 4, 6, 8) END AS moves
      FROM generate_series(1, %(subjects)s) AS i, generate_series(0, 9) AS k) AS d
"""


def deals(conninfo: str, subjects: int) -> int:
    """Append eight events to each of so many deals, interleaved as time would; return how many events there are."""
    return append(conninfo, _DEALS, subjects)


def orders(conninfo: str, subjects: int) -> int:
    """Append so many orders, each paid and shipped, a quarter partly refunded; return how many events there are."""
    return append(conninfo, ORDERS, subjects)


def board(conninfo: str, subjects: int) -> int:
    """Append ten events to each of so many deals, two fifths of them open; return how many events there are."""
    return append(conninfo, _BOARD, subjects)


def append(conninfo: str, events: str, subjects: int) -> int:
    """Append what a query tells of so many subjects after what is there; return how many events that was."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT position FROM log.head").fetchone()
        head = int(row[0]) if row else 0
        with connection.transaction():
            done = connection.execute(
                f"INSERT INTO log.events ({_COLUMNS}) "
                "SELECT %(head)s + row_number() OVER (ORDER BY place, k), 'main', stream, version, type, "
                "md5(stream || version)::uuid, customer_id, "
                "mod(abs(hashtext(coalesce(customer_id, stream))), 12), at, at, 'crm', 'crm', "
                "data || jsonb_build_object('occurred_at', to_char(at AT TIME ZONE 'UTC', "
                f'\'YYYY-MM-DD"T"HH24:MI:SS"Z"\')) FROM ({events}) AS e'.encode(),
                {"subjects": subjects, "head": head},
            )
        connection.execute("VACUUM (ANALYZE) log.events")
    move_head(conninfo, head + done.rowcount)
    return done.rowcount


def move_head(conninfo: str, position: int) -> None:
    """Let readers see the log up to a position."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE log.head SET position = %s, recorded_at = now()", (position,))
        connection.execute("NOTIFY backstory_log")
