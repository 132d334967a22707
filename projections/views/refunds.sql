-- Orders with a customer and those without apart: so those of one customer are found by index.
WITH refunds AS (
    SELECT o.tenant, r.refund_id, o.customer_id, r.told, o.position
    FROM model.orders o
    CROSS JOIN LATERAL json_each(o.state -> 'refunds') AS r (refund_id, told)
    WHERE o.customer_id IS NOT NULL
    UNION ALL
    SELECT o.tenant, r.refund_id, r.told -> 0 ->> 'customer_id', r.told, o.position
    FROM model.orders o
    CROSS JOIN LATERAL json_each(o.state -> 'refunds') AS r (refund_id, told)
    WHERE o.customer_id IS NULL
)
SELECT t.tenant, t.refund_id, t.told -> 0 ->> 'order_id' AS order_id, $customer AS customer_id,
       timestamptz 'epoch' + (t.told -> 1 ->> 0)::bigint * interval '1 microsecond' AS refunded_at,
       t.told -> 0 ->> 'currency' AS currency, (t.told -> 0 ->> 'amount')::numeric AS amount,
       t.told -> 0 ->> 'reason' AS reason, t.customer_id AS recorded_customer_id, t.position
FROM refunds t $merges
WHERE $unmerged
