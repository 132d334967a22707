WITH told AS (
    SELECT e.tenant, e.customer_id, e.position, e.occurred_at, e.recorded_at, e.type, e.summary, e.actor, e.source,
           e.stream, e.customer_id AS recorded_customer_id
    FROM model.timeline e
    WHERE NOT EXISTS (SELECT FROM model.links l WHERE l.tenant = e.tenant AND l.stream = e.stream)
    UNION ALL
    SELECT e.tenant, l.customer_id, e.position, e.occurred_at, e.recorded_at, e.type, e.summary, e.actor, e.source,
           e.stream, e.customer_id
    FROM model.links l
    JOIN model.timeline e ON e.tenant = l.tenant AND e.stream = l.stream
)
SELECT t.tenant, $customer AS customer_id, t.position, t.occurred_at, t.recorded_at, t.type, t.summary, t.actor,
       t.source, t.stream, t.recorded_customer_id
FROM told t $merges
WHERE $unmerged
