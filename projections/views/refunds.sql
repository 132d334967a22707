-- Orders with a customer and those without apart: so those of one customer are found by index.
WITH refunds AS (
    SELECT o.tenant, o.customer_id, r.refund_id, r.order_id, r.micros, r.currency, r.amount, r.reason, o.position
    FROM model.orders o
    CROSS JOIN LATERAL jsonb_to_recordset(o.told_refunds) AS r (
        refund_id text, order_id text, micros bigint, currency text, amount numeric, reason text)
    WHERE o.customer_id IS NOT NULL AND o.told_refunds IS NOT NULL
    UNION ALL
    SELECT o.tenant, r.customer_id, r.refund_id, r.order_id, r.micros, r.currency, r.amount, r.reason, o.position
    FROM model.orders o
    CROSS JOIN LATERAL jsonb_to_recordset(o.told_refunds) AS r (
        refund_id text, order_id text, customer_id text, micros bigint, currency text, amount numeric, reason text)
    WHERE o.customer_id IS NULL AND o.told_refunds IS NOT NULL
)
SELECT t.tenant, t.refund_id, t.order_id, $customer AS customer_id,
       timestamptz 'epoch' + t.micros * interval '1 microsecond' AS refunded_at,
       t.currency, t.amount, t.reason, t.customer_id AS recorded_customer_id, t.position
FROM refunds t $merges
WHERE $unmerged
