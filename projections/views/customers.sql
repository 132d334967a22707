SELECT c.tenant, c.customer_id, c.name, c.email, c.phone, c.company, c.country, c.lifecycle_stage, c.owner,
       least(own.first_at, absorbed.first_at) AS first_seen_at, greatest(own.last_at, absorbed.last_at) AS last_seen_at,
       c.merged_into, c.registered_at, c.erased_at, c.anomalies, c.held_since, c.position
FROM model.customers c
CROSS JOIN LATERAL (
    SELECT min(l.first_at) AS first_at, max(l.last_at) AS last_at
    FROM model.links l
    WHERE l.tenant = c.tenant AND l.customer_id = c.customer_id
) own
LEFT JOIN (
    SELECT m.tenant, m.canonical_id, min(l.first_at) AS first_at, max(l.last_at) AS last_at
    FROM read.merges m JOIN model.links l ON l.tenant = m.tenant AND l.customer_id = m.customer_id
    GROUP BY m.tenant, m.canonical_id
) absorbed ON absorbed.tenant = c.tenant AND absorbed.canonical_id = c.customer_id
