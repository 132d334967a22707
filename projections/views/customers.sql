SELECT c.tenant, c.customer_id, c.name, c.email, c.phone, c.company, c.country, c.lifecycle_stage, c.owner,
       least(own.first_at, linked.first_at, absorbed.first_at) AS first_seen_at,
       greatest(own.last_at, linked.last_at, absorbed.last_at) AS last_seen_at,
       c.merged_into, c.registered_at, c.erased_at, c.anomalies, c.held_since, c.position
FROM model.customers c
CROSS JOIN LATERAL (
    SELECT (SELECT min(t.occurred_at) FROM model.timeline t
            WHERE t.tenant = c.tenant AND t.customer_id = c.customer_id
              AND t.type NOT IN ('events-withdrawn.v1', 'personal-data-erased.v1')) AS first_at,
           (SELECT max(t.occurred_at) FROM model.timeline t
            WHERE t.tenant = c.tenant AND t.customer_id = c.customer_id
              AND t.type NOT IN ('events-withdrawn.v1', 'personal-data-erased.v1')) AS last_at
) own
LEFT JOIN (
    SELECT l.tenant, l.customer_id, min(t.occurred_at) AS first_at, max(t.occurred_at) AS last_at
    FROM model.links l JOIN model.timeline t ON t.tenant = l.tenant AND t.stream = l.stream
    WHERE t.type NOT IN ('events-withdrawn.v1', 'personal-data-erased.v1')
    GROUP BY l.tenant, l.customer_id
) linked ON linked.tenant = c.tenant AND linked.customer_id = c.customer_id
LEFT JOIN (
    SELECT m.tenant, m.canonical_id, min(t.occurred_at) AS first_at, max(t.occurred_at) AS last_at
    FROM read.merges m JOIN model.timeline t ON t.tenant = m.tenant AND t.customer_id = m.customer_id
    WHERE t.type NOT IN ('events-withdrawn.v1', 'personal-data-erased.v1')
    GROUP BY m.tenant, m.canonical_id
) absorbed ON absorbed.tenant = c.tenant AND absorbed.canonical_id = c.customer_id
