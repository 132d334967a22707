SELECT t.tenant, t.deal_id, $customer AS customer_id, t.pipeline, t.stage, t.title, t.owner, t.amount, t.currency,
       t.opened_at, t.stage_since, t.closed_at, t.outcome, t.lost_reason, t.source, t.source_id, t.lead_id, t.company,
       t.next_follow_up_on, t.anomalies, t.customer_id AS recorded_customer_id, t.held_since, t.position
FROM model.deals t $merges
WHERE t.opened_at IS NOT NULL AND $unmerged
