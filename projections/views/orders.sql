SELECT t.tenant, t.order_id, $customer AS customer_id, t.source, t.source_id, t.placed_at, t.currency, t.total, t.paid,
       t.refunded, t.status, t.payment_status, t.fulfilment_status, t.anomalies,
       t.customer_id AS recorded_customer_id, t.held_since, t.position
FROM model.orders t $merges
WHERE t.currency IS NOT NULL AND $unmerged
