SELECT w.tenant, w.customer_id, w.currency, sum(w.orders)::bigint AS orders, sum(w.gross) AS gross,
       sum(w.refunds)::bigint AS refunds, sum(w.refunded) AS refunded, sum(w.gross) - sum(w.refunded) AS net
FROM (
    SELECT t.tenant, t.customer_id, t.currency, t.orders, t.gross, t.refunds, t.refunded
    FROM model.customer_money t
    WHERE NOT EXISTS (
        SELECT FROM model.customers u
        WHERE u.tenant = t.tenant AND u.customer_id = t.customer_id AND u.merged_into IS NOT NULL)
    UNION ALL
    SELECT t.tenant, m.canonical_id, t.currency, t.orders, t.gross, t.refunds, t.refunded
    FROM read.merges m
    JOIN model.customer_money t ON t.tenant = m.tenant AND t.customer_id = m.customer_id
) w
GROUP BY w.tenant, w.customer_id, w.currency
