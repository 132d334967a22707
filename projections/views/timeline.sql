SELECT t.tenant, $customer AS customer_id, t.position, t.occurred_at, t.recorded_at, t.type, t.summary, t.actor,
       t.source, t.stream, t.customer_id AS recorded_customer_id
FROM model.timeline t $merges
WHERE NOT EXISTS (SELECT FROM model.links l WHERE l.tenant = t.tenant AND l.stream = t.stream AND l.astray)
      AND $unmerged
UNION ALL
SELECT t.tenant, $customer AS customer_id, t.position, t.occurred_at, t.recorded_at, t.type, t.summary, t.actor,
       t.source, t.stream, t.recorded_customer_id
FROM (
    SELECT e.tenant, l.customer_id, e.position, e.occurred_at, e.recorded_at, e.type, e.summary, e.actor, e.source,
           e.stream, e.customer_id AS recorded_customer_id
    FROM model.links l
    JOIN model.timeline e ON e.tenant = l.tenant AND e.stream = l.stream
    WHERE l.astray
) t $merges
WHERE $unmerged
