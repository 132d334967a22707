SELECT w.tenant, (a.found ->> 'position')::bigint AS position, w.stream, a.found ->> 'kind' AS kind,
       coalesce((a.found -> 'detail')::jsonb, '{}'::jsonb) AS detail, (a.found ->> 'found_at')::timestamptz AS found_at,
       (a.found ->> 'settled_at')::timestamptz AS settled_at
FROM (
    SELECT tenant, 'customer-' || customer_id AS stream, state -> 'anomalies' AS anomalies FROM model.customers
    UNION ALL SELECT tenant, 'lead-' || lead_id, state -> 'anomalies' FROM model.leads
    UNION ALL SELECT tenant, 'deal-' || deal_id, state -> 'anomalies' FROM model.deals
    UNION ALL SELECT tenant, 'order-' || order_id, state -> 'anomalies' FROM model.orders
    UNION ALL SELECT tenant, 'invoice-' || invoice_id, state -> 'anomalies' FROM model.invoices
) w
CROSS JOIN LATERAL json_each(w.anomalies) AS a (name, found)
