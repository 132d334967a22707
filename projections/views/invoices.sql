SELECT t.tenant, t.invoice_id, $customer AS customer_id, t.order_id, t.deal_id, t.issued_at, t.due_at, t.currency,
       t.subtotal, t.tax, t.total, t.paid, t.due, t.status, t.source, t.source_id, t.number, t.anomalies,
       t.customer_id AS recorded_customer_id, t.held_since, t.position
FROM model.invoices t $merges
WHERE t.currency IS NOT NULL AND $unmerged
