WITH refunds AS (
    SELECT o.tenant, r.refund_id, r.told -> 0 ->> 'order_id' AS order_id,
           coalesce(o.customer_id, r.told -> 0 ->> 'customer_id') AS customer_id,
           timestamptz 'epoch' + (r.told -> 1 ->> 0)::bigint * interval '1 microsecond' AS refunded_at,
           r.told -> 0 ->> 'currency' AS currency, (r.told -> 0 ->> 'amount')::numeric AS amount,
           r.told -> 0 ->> 'reason' AS reason, o.position
    FROM model.orders o
    CROSS JOIN LATERAL json_each(o.state -> 'refunds') AS r (refund_id, told)
)
SELECT t.tenant, t.refund_id, t.order_id, $customer AS customer_id, t.refunded_at, t.currency, t.amount, t.reason,
       t.customer_id AS recorded_customer_id, t.position
FROM refunds t $merges
WHERE $unmerged
