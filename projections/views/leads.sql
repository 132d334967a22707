SELECT t.tenant, t.lead_id, $customer AS customer_id, t.captured_at, t.form, t.status, t.owner,
       t.first_source, t.first_medium, t.first_campaign, t.last_source, t.last_medium, t.last_campaign,
       t.converted_at, t.fields, t.source, t.source_id, t.deal_id, t.anomalies,
       t.customer_id AS recorded_customer_id, t.held_since, t.position
FROM model.leads t $merges
WHERE t.captured_at IS NOT NULL AND $unmerged
