SELECT t.tenant, t.order_id, l.line, l.sku, l.title, l.quantity, l.unit_price, t.currency, t.position
FROM model.orders t
CROSS JOIN LATERAL ROWS FROM (
    json_to_recordset(t.state -> 'content' -> 0 -> 'lines')
    AS (sku text, title text, quantity numeric, unit_price numeric)
) WITH ORDINALITY AS l (sku, title, quantity, unit_price, line)
WHERE t.currency IS NOT NULL
